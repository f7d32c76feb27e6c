"""Files of lists that are made in shards of the users. No heavy import: Snakemake itself runs this."""

from reelrank.plan import paths


class UserShards:
    """The files of shards, if the config key ``user_shards`` is above 1.

    Parameters
    ----------
    config : dict
        Completed.

    Attributes
    ----------
    n : int
        Number of shards.
    """

    def __init__(self, config):
        self.n = config["user_shards"]

    def all_of(self, pattern):
        """Return the files of all shards that make up a file of all users."""
        return paths.shards_of(paths.shard_of(pattern), self.n)

    def by_split(self, pattern, key="{split}"):
        """Return the files of all shards by split (see `reelrank.plan.paths.by_split`)."""
        return {name: self.all_of(own) for name, own in paths.by_split(pattern, key).items()}

    def params_of(self, rule):
        """Return an input function: the params of the rule that makes the shards.

        Shards are temporary. Snakemake sees a change of their params only if the rule that gathers
        them has the same params.

        Parameters
        ----------
        rule : object
            Has ``params``, as the rules of Snakemake do.
        """
        return lambda wildcards: values_of(rule.params, wildcards)


def values_of(params, wildcards):
    """Return the values of a rule's params by name; functions of the wildcards are called."""
    return {name: value(wildcards) if callable(value) else value for name, value in params.items()}
