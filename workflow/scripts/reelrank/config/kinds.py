"""Types of re-ranker: the kind of list that each makes, and how deep. No heavy import: Snakemake itself runs this."""

#: Kind (see `reelrank.data.tables.KINDS`) of each type of re-ranker.
RERANKER_KINDS = {
    "identity": "base",
    "random": "control",
    "similarity": "discriminative",
    "likelihood": "generative",
    "generative": "generative",
    "rrf": "fusion",
    "zscore": "fusion",
    "lambdamart": "fusion",
}

#: Depth of a fusion that names none.
FUSION_DEPTH = 100


def reranker_depth(config, name):
    """Return how many of the base list's entries a re-ranker permutes."""
    block = config["rerankers"][name]
    if block["type"] == "identity":
        return config["candidates"]
    if RERANKER_KINDS[block["type"]] == "fusion":
        return block.get("depth", min(FUSION_DEPTH, config["candidates"]))
    return block.get("depth", 20)
