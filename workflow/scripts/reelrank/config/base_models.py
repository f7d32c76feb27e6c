"""The base models that a run needs. No heavy import: Snakemake itself runs this."""


def needed_models(config):
    """Return the names of the base models of the run, of the parts of its unions, and of its re-rankers' models.

    Parameters
    ----------
    config : dict
        Its blocks are complete.

    Returns
    -------
    list of str
        ``run.base_models`` first, then others, each name once.
    """
    models, rerankers, run = config["models"], config["rerankers"], config["run"]
    blocks = [models.get(name, {}) for name in run["base_models"]]
    parts = [part for block in blocks for part in block.get("of", ())]
    scoring = [block["base_model"] for name in run["rerankers"] if "base_model" in (block := rerankers.get(name, {}))]
    return list(dict.fromkeys([*run["base_models"], *parts, *scoring]))
