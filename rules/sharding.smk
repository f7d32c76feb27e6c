# No rules here: how lists are made in parts, each of some of the users, where config key user_shards is above 1.

#: The re-rankers whose lists are made in parts, by the name of what makes them whole.
SHARDED = {
    "rerank_by_history_text": encoding_histories(),
    "rerank_by_likelihood": rerankers_of("likelihood"),
}


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


def params_of(rule, wildcards):
    """What decides shards. They are temporary, so a change is seen only if it is a param where their files are gathered."""
    return {name: value(wildcards) if callable(value) else value for name, value in rule.params.items()}


def params_of_reranker(wildcards):
    """Those of what makes the shards of a re-ranker."""
    (maker,) = [name for name, rerankers in SHARDED.items() if wildcards.reranker in rerankers]
    return params_of(getattr(rules, maker), wildcards)
