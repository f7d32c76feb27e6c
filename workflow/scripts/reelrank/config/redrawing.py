"""Protocols with redrawn targets, for the audit. No heavy import: Snakemake itself runs this.

Each protocol has a twin, ``{protocol}_redrawn``, whose held-out items are drawn at random
(see `reelrank.audit.target_draws`). Everything that follows the split is computed again under it.
"""

from reelrank.errors import suggest

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

    Those that ``audit.base_models`` names; all where it names none of the run. Lists of other
    systems are not: they are files, and know of no redrawn target.
    """
    if not config["audit"]["redraw"]:
        return []
    trained = [name for name in config["run"]["base_models"] if config["models"][name]["type"] != "external"]
    chosen = [name for name in trained if name in (config["audit"]["base_models"] or [])]
    return chosen or trained


def audited_rerankers(config):
    """Return the re-rankers of the run that are audited by redrawing.

    Those that ask a language model are not, unless ``audit.ask`` is true: new targets are new
    questions, which cost. One job makes all fusions, so none is where one of them needs such
    a signal.
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
    """Return the audited fusions whose valid lists are scored by the very weights that were fitted on them.

    `lambdamart` is cross-fitted and `rrf` fits nothing: their valid lists are audited too, since a winner is chosen
    on them.
    """
    return [name for name in audited_rerankers(config) if config["rerankers"][name]["type"] == "zscore"]


def check_audit(config, problems):
    """Check that the audited base models are defined; `problems` takes the mistakes."""
    for name in config["audit"]["base_models"] or []:
        if name not in config["models"]:
            problems.add(f"config key audit.base_models: unknown name {name!r}; {suggest(name, config['models'])}")
