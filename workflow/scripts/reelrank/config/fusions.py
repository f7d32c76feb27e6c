"""Fusions in the config: their signals and their twins without language models.

No heavy import: Snakemake itself runs this.
"""

from reelrank.config.fields import check_feature
from reelrank.config.reads import is_plain
from reelrank.config.rerankers import reranker_depth, reranker_kind
from reelrank.config.schema import entry
from reelrank.errors import InputError, suggest

#: Kinds of re-ranker whose scores come from a language or image model.
LANGUAGE_KINDS = ("discriminative", "generative")

#: End of the name of a fusion's twin.
TWIN = "_without_lm"

#: Names that the description of a fusion uses itself.
RESERVED = ("fusion",)


def is_fusion(config, name):
    """Return whether a re-ranker is a fusion."""
    return reranker_kind(config, name) == "fusion"


def fusions(config):
    """Return the names of the fusions of the run."""
    return [name for name in config["run"]["rerankers"] if is_fusion(config, name)]


def fusion_options(block):
    """Return the options of a fusion's type from its complete block; a twin has no similarities."""
    known = entry("rerankers", block["type"])["properties"]
    return {key: block[key] for key in known if key not in ("signals", "depth")}


def inert(config):
    """Return the fusions of the run that can only return the base list: sums that have no signal to add."""
    blocks = {name: config["rerankers"][name] for name in config["run"]["rerankers"]}
    sums = ("rrf", "zscore")
    return [name for name, block in blocks.items() if block["type"] in sums and not block["signals"]]


def complete_fusions(config, problems):
    """Check the fusions of the run, write their signals out, and add their twins.

    Parameters
    ----------
    config : dict
        Its blocks are complete.
    problems : reelrank.config.schema.Problems
        Takes the mistakes.

    Returns
    -------
    dict
        With ``signals`` in the block of each fusion of the run, and after each fusion with
        signals of language or image models its twin, whose block has ``twin_of``. What a
        fusion without ``signals`` leaves out, and why, stands in ``left_out``.
    """
    blocks, names = dict(config["rerankers"]), []
    for name in config["run"]["rerankers"]:
        names.append(name)
        with problems.noting():
            if is_fusion(config, name):
                names += _complete_fusion(config, name, blocks, problems)
    return {**config, "rerankers": blocks, "run": {**config["run"], "rerankers": names}}


def _complete_fusion(config, name, blocks, problems):
    """Complete the block of a fusion in `blocks`, add that of its twin, and return the twin's name if there is one."""
    for feature in blocks[name].get("similarities", []):
        with problems.noting():
            check_feature(config, f"rerankers.{name}.similarities", feature["encoder"], feature["field"])
    signals, left_out = signals_of(config, name)
    block = blocks[name] = {**blocks[name], "signals": signals, "left_out": left_out}
    others = [signal for signal in signals if is_plain(config, signal)]
    if others == signals and not block.get("similarities"):
        return []
    if name + TWIN in config["rerankers"]:
        raise InputError(
            f"config key rerankers.{name}{TWIN}: the name is that of the twin of {name!r} without language models; "
            "expected another"
        )
    twin = {key: value for key, value in block.items() if key != "left_out"} | {"signals": others, "twin_of": name}
    blocks[name + TWIN] = twin | ({"similarities": []} if "similarities" in twin else {})
    return [name + TWIN]


def signals_of(config, name):
    """Return the signals of a fusion, checked, and why others are left out, by name."""
    where, run = f"config key rerankers.{name}.signals", config["run"]["rerankers"]
    named = config["rerankers"][name]["signals"]
    usable = [other for other in run if reranker_kind(config, other) in LANGUAGE_KINDS]
    if named is None:
        reasons = {other: _unusable(config, name, other) or _unasked(config, other) for other in usable}
        return [other for other in usable if not reasons[other]], {other: why for other, why in reasons.items() if why}
    for other in named:
        if other in config["rerankers"] and other not in usable and other in run:
            kind = reranker_kind(config, other)
            raise InputError(f"{where}: {other!r} is of kind {kind}; expected re-rankers by a model, {usable}")
        if other not in usable:
            what = "is not in run.rerankers" if other in config["rerankers"] else "is no configured re-ranker"
            raise InputError(f"{where}: {other!r} {what}; {suggest(other, usable)}")
        if other in RESERVED:
            raise InputError(f"{where}: {other!r} is a name that fusions keep for themselves; expected another")
        if reason := _unusable(config, name, other):
            raise InputError(f"{where}: {other!r} {reason}")
    asked = {other: users_of(config, other) for other in named if users_of(config, other) != "all"}
    if any(users != next(iter(asked.values())) for users in asked.values()):
        raise InputError(f"{where}: found signals asked of different users, {asked}; expected the same for all")
    return list(named), {}


def users_of(config, name):
    """Return whom a re-ranker is asked about: ``all``, ``hits`` or ``{sample: N, seed: S}``."""
    return config["rerankers"][name].get("users", "all")


def _unusable(config, name, other):
    """Return why a re-ranker can be no signal of a fusion, if so.

    One that was asked only of users whose held-out item is in its list tells where that
    item is, unless the fusion's own candidates are the same.
    """
    depth, own = reranker_depth(config, other), reranker_depth(config, name)
    if users_of(config, other) != "hits" or depth == own:
        return ""
    return (
        f"has users: hits at depth {depth}, which tells where the held-out item is; expected users: all, or the "
        f"fusion's depth, {own}"
    )


def _unasked(config, other):
    """Return why a re-ranker is no signal unless it is named."""
    if other in RESERVED:
        return "has a name that fusions keep for themselves"
    return "was asked of a sample of the users, to whom a fusion of it is confined" * isinstance(
        users_of(config, other), dict
    )


def notices(config):
    """Return which base models of the run no fusion can be made over, as sentences."""
    skipped = [name for name in config["run"]["base_models"] if not has_valid(config, name)]
    return [f"base model {name!r} has no valid lists: no fusion over it" for name in skipped if fusions(config)]


def left_out(config):
    """Return which re-rankers the fusions of the run leave out (none of these names its signals), and why."""
    blocks = {name: config["rerankers"][name] for name in fusions(config)}
    told = {}
    for name, block in blocks.items():
        for other, why in block.get("left_out", {}).items():
            told.setdefault((other, why), []).append(name)
    return [f"re-ranker {other!r} is no signal of {', '.join(names)}: it {why}" for (other, why), names in told.items()]


def has_valid(config, base_model):
    """Return whether a base model has valid lists, which fusions are fitted on: one read from files may have none."""
    block = config["models"][base_model]
    return block["type"] != "external" or bool(block.get("valid"))


def rerankers_over(config, base_model):
    """Return the re-rankers of the run that there are over a base model."""
    return [name for name in config["run"]["rerankers"] if has_valid(config, base_model) or not is_fusion(config, name)]
