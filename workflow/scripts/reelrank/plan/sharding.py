"""Which lists are made in shards, each of some of the users. No heavy import: Snakemake itself runs this."""

from reelrank.plan import paths


class UserShards:
    """The re-rankers whose lists are made in shards where the config key ``user_shards`` is above 1.

    Parameters
    ----------
    config : dict
        Completed.
    selection : reelrank.plan.selection.Selection
    features : reelrank.plan.features.Features

    Attributes
    ----------
    n : int
        Shards of the users.
    rerankers : dict of str to list of str
        The re-rankers whose lists are made in shards, by the rule that makes their lists whole.
    """

    def __init__(self, config, selection, features):
        self.n = config["user_shards"]
        self.rerankers = {
            "rerank_by_history_text": features.encoding_histories(),
            "rerank_by_likelihood": selection.rerankers_of("likelihood"),
        }

    @property
    def sharded(self):
        """Return all these re-rankers."""
        return [name for names in self.rerankers.values() for name in names]

    def all_of(self, pattern):
        """Return the files of all shards of a file of all users."""
        return paths.shards_of(paths.shard_of(pattern), self.n)

    def by_split(self, pattern, key="{split}"):
        """Return the files of all shards of a file of all users, by split (see `reelrank.plan.paths.by_split`)."""
        return {name: self.all_of(own) for name, own in paths.by_split(pattern, key).items()}

    def params_of(self, rule):
        """Return an input function: the params of the rule that makes the shards.

        Shards are temporary, so Snakemake sees a change of what decides them only if it is a param
        where they are gathered.

        Parameters
        ----------
        rule : object
            Has ``params``, as the rules of Snakemake do.
        """
        return lambda wildcards: values_of(rule.params, wildcards)

    def params_of_reranker(self, rules):
        """Return an input function: the params of the rule that makes the shards of a re-ranker.

        Parameters
        ----------
        rules : object
            Has the rules as attributes.
        """

        def params(wildcards):
            """Return those of the re-ranker of `wildcards`."""
            (maker,) = [rule for rule, names in self.rerankers.items() if wildcards.reranker in names]
            return values_of(getattr(rules, maker).params, wildcards)

        return params


def values_of(params, wildcards):
    """Return the values of a rule's params by name, those that are functions of the wildcards included."""
    return {name: value(wildcards) if callable(value) else value for name, value in params.items()}
