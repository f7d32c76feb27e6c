"""Protocols with redrawn targets, for the audit: their names, and what the run makes again under them.

Each protocol has a twin, ``{protocol}_redrawn``, whose held-out items are drawn at random
(see `reelrank.audit.target_draws`). Everything after the split is computed again under it.
No heavy import: Snakemake itself runs this.
"""

#: Ending of the name of a protocol with redrawn targets.
ENDING = "_redrawn"


def redrawn(protocol):
    """Return the name of a protocol's twin with redrawn targets."""
    return protocol + ENDING


def real(protocol):
    """Return the name of a twin's real protocol; any other name is returned unchanged."""
    return protocol.removesuffix(ENDING)


def learned_under(config, protocol):
    """Return the protocol whose models, features and texts `protocol` uses.

    They depend on training interactions only, which a twin shares with its real protocol. So a twin
    uses the real protocol's, unless ``audit.train`` is true.
    """
    return protocol if config["audit"]["train"] else real(protocol)


def audited_base_models(config):
    """Return the base models of the run that are audited by redrawing.

    These are the ones in ``audit.base_models``, or all trained ones if it names none of the run.
    External base models are left out: their lists cannot be made again.
    """
    trained = [name for name in config["run"]["base_models"] if not _is_external(config, name)]
    chosen = [name for name in trained if name in (config["audit"]["base_models"] or [])]
    return chosen or trained


def _is_external(config, name):
    """Return whether a base model's lists, or those of a part of it, come from files."""
    block = config["models"][name]
    return block["type"] == "external" or any(_is_external(config, part) for part in block.get("of", ()))


def audited_rerankers(config):
    """Return the re-rankers of the run that are audited by redrawing.

    Re-rankers that ask a chat model are left out unless ``audit.ask`` is true: new targets need new
    questions, which cost money. One job makes all fusions, so all fusions are left out if one of
    them has such a signal.
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
    """Return the audited fusions whose valid lists are scored with weights fitted on the same lists.

    The audit skips these valid lists. `lambdamart` is cross-fitted and `rrf` fits nothing, so their valid lists are
    audited.
    """
    return [name for name in audited_rerankers(config) if config["rerankers"][name]["type"] == "zscore"]
