"""The twins of base models with item input, by the completed config. It imports nothing, as `config.twins`."""


def item_twins(config):
    """Return the twins of each base model of the run that reads item vectors.

    Parameters
    ----------
    config : dict
        Completed.

    Returns
    -------
    dict of str to dict
        By base model: the names of its twins, by rung (``no_text``, ``permuted``, ``words``).
    """
    blocks = {name: config["models"][name] for name in config["run"]["base_models"]}
    return {name: dict(block["twins"]) for name, block in blocks.items() if block.get("twins")}
