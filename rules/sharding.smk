# No rules here: how the lists of a language model in process are made in parts.

#: What stands in the names of the files of a job that scores a part of the users, where there are several.
USER_SHARD = ".{scatteritem}" if config["user_shards"] > 1 else ""


def of_user_shard(path):
    """The list that a job scores: the whole, or a part of the users that is gathered and removed."""
    return temp(f"{path}{USER_SHARD}.parquet") if USER_SHARD else f"{path}.parquet"


def shard_pattern(part):
    """The parts of a list, for `gather`, which fills in its own wildcard and unescapes the others."""
    return f"{LISTS}/{{reranker}}/{part}.".replace("{", "{{").replace("}", "}}") + "{scatteritem}.parquet"
