"""The kind and the depth of a re-ranker's lists. No heavy import: Snakemake itself runs this."""

from reelrank.config.schema import entry


def reranker_kind(config, name):
    """Return the kind of a re-ranker's lists (`reelrank.config.kinds.KINDS`), as the schema of its type says."""
    return entry("rerankers", config["rerankers"][name]["type"])["kind"]


def reranker_depth(config, name):
    """Return how many items of the base list a re-ranker permutes; for the base list itself, ``candidates``."""
    return config["rerankers"][name].get("depth", config["candidates"])
