# No rules here: how lists are made in parts, each of some of the users, where config key user_shards is above 1.

#: What makes a re-ranker's lists, by its type: names of rules.
MADE_BY = {"similarity": "rerank_by_similarity", "likelihood": "rerank_by_likelihood"}


def user_shard(path):
    """A file of one part of the users; it is removed once all parts are gathered."""
    head, dot, kind = path.rpartition(".")
    return temp(f"{head}.{{scatteritem}}{dot}{kind}")


def user_shards(path):
    """Those of all parts, for `gather`, which fills in its own wildcard and unescapes the others."""
    head, dot, kind = path.replace("{", "{{").replace("}", "}}").rpartition(".")
    return f"{head}.{{scatteritem}}{dot}{kind}"


def gathering(path):
    """The benchmark of gathering them: not under the name of a job that did all users at once."""
    return f"{path}.all-of-{config['user_shards']}.tsv"


def encoding_histories():
    """The re-rankers that encode a text of each user in process: of similarity, only these are heavy."""
    return [
        name
        for name in rerankers_of("similarity")
        if concatenated(name) and concatenated(name)[0] not in encoders_of("openai")
    ]


def sharded_rerankers():
    """The re-rankers whose lists are made in parts."""
    return [*encoding_histories(), *rerankers_of("likelihood")]


def params_of(rule, wildcards):
    """What decides shards. They are temporary, so a change is seen only if it is a param where their files are gathered."""
    return {name: value(wildcards) if callable(value) else value for name, value in rule.params.items()}


def params_of_reranker(wildcards):
    """Those of what makes the shards of a re-ranker."""
    return params_of(getattr(rules, MADE_BY[config["rerankers"][wildcards.reranker]["type"]]), wildcards)
