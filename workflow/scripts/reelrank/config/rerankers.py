"""The kind and the depth of a re-ranker's lists. No heavy import: Snakemake itself runs this."""

from reelrank.config.schema import entry


def reranker_kind(config, name):
    """Return the kind of a re-ranker's lists (`reelrank.config.kinds.KINDS`).

    The schema of its type says it. A re-ranker that the workflow added as a control, with permuted vectors, is a
    ``control`` whatever its type.
    """
    block = config["rerankers"][name]
    return "control" if "control_of" in block else entry("rerankers", block["type"])["kind"]


def reranker_depth(config, name):
    """Return how many items of the base list a re-ranker permutes; for the base list itself, ``candidates``."""
    return config["rerankers"][name].get("depth", config["candidates"])
