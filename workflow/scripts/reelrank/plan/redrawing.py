"""Protocols with redrawn targets, for the audit: their names, and what of the run is made again under them.

Each protocol has a twin, ``{protocol}_redrawn``, whose held-out items are drawn at random
(see `reelrank.audit.target_draws`). Everything that follows the split is computed again under it.
No heavy import: Snakemake itself runs this.
"""

#: Ending of the name of a protocol with redrawn targets.
ENDING = "_redrawn"


def redrawn(protocol):
    """Return the name of a protocol's twin with redrawn targets."""
    return protocol + ENDING


def real(protocol):
    """Return the name of the protocol that a twin has the targets redrawn of; any other name as it is."""
    return protocol.removesuffix(ENDING)


def learned_under(config, protocol):
    """Return the protocol whose models, features and texts are read under `protocol`.

    They are made of training interactions, which a twin shares: they are those of the real
    protocol, unless ``audit.train`` asks that they be made again.
    """
    return protocol if config["audit"]["train"] else real(protocol)


def audited_base_models(config):
    """Return the base models of the run that are audited by redrawing.

    These are the ones that ``audit.base_models`` names, or all trained ones where it names none of
    the run. Lists that are read from files are left out: they cannot be made again.
    """
    if not config["audit"]["redraw"]:
        return []
    trained = [name for name in config["run"]["base_models"] if config["models"][name]["type"] != "external"]
    chosen = [name for name in trained if name in (config["audit"]["base_models"] or [])]
    return chosen or trained


def audited_rerankers(config):
    """Return the re-rankers of the run that are audited by redrawing.

    Re-rankers that ask a language model are left out unless ``audit.ask`` is true: new targets are
    new questions, which cost money. One job makes all fusions, so all fusions are left out where
    one of them has such a signal.
    """
    blocks = {name: config["rerankers"][name] for name in config["run"]["rerankers"]}
    if config["audit"]["ask"]:
        return list(blocks)
    asks = {name for name, block in blocks.items() if block["type"] == "generative"}
    fusions = {name for name, block in blocks.items() if "signals" in block}
    if any(asks & set(blocks[name]["signals"] or []) for name in fusions):
        asks |= fusions
    return [name for name in blocks if name not in asks]


def fitted_in_sample(config):
    """Return the audited fusions whose valid lists are scored by the same weights that were fitted on them.

    `lambdamart` is cross-fitted and `rrf` fits nothing: their valid lists are audited too, since a winner is chosen
    on them.
    """
    return [name for name in audited_rerankers(config) if config["rerankers"][name]["type"] == "zscore"]
