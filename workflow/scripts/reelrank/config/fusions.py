"""Fusions in the config: their signals and the rungs of their ladders.

No heavy import: Snakemake itself runs this.
"""

from reelrank.config.fields import check_feature
from reelrank.config.ladder import Ladder
from reelrank.config.reads import is_plain
from reelrank.config.rerankers import reranker_depth, reranker_kind
from reelrank.config.schema import entry
from reelrank.errors import InputError, suggest

#: Kinds of re-ranker that can be a signal.
SIGNAL_KINDS = ("collaborative", "discriminative", "generative")

#: Names that a fusion's description uses itself.
RESERVED = ("fusion",)


def is_fusion(config, name):
    """Return whether a re-ranker is a fusion."""
    return entry("rerankers", config["rerankers"][name]["type"])["made_by"] == "fuse"


def fusions(config):
    """Return the names of the fusions of the run."""
    return [name for name in config["run"]["rerankers"] if is_fusion(config, name)]


def fusion_options(block):
    """Return the options of a fusion from its complete block, without its columns and ``depth``."""
    known = entry("rerankers", block["type"])["properties"]
    return {key: block[key] for key in known if key not in ("signals", "similarities", "words", "depth")}


def inert(config):
    """Return the fusions of the run that can only return the base list: sums without a signal."""
    blocks = {name: config["rerankers"][name] for name in config["run"]["rerankers"]}
    sums = ("rrf", "zscore")
    return [name for name, block in blocks.items() if block["type"] in sums and not block["signals"]]


def complete_fusions(config, problems):
    """Check the fusions of the run, fill in their signals, and add the rungs of their ladders.

    Parameters
    ----------
    config : dict
        Its blocks are complete.
    problems : reelrank.config.schema.Problems
        Takes the mistakes.

    Returns
    -------
    dict
        The config. The block of each fusion of the run has ``signals``, ``left_out`` (the re-rankers that are no
        default signals, with the reasons) and the keys of `reelrank.config.ladder.Ladder.blocks`. The rungs stand
        before their fusion, and the controls that they need before all fusions.
    """
    config = {**config, "rerankers": dict(config["rerankers"]), "encoders": dict(config["encoders"])}
    own = config["run"]["rerankers"]
    signals = {}
    for name in own:
        with problems.noting():
            if is_fusion(config, name):
                signals[name] = signals_of(config, name)
    ladders = {}
    for name, (chosen, left_out) in signals.items():
        with problems.noting():
            for feature in config["rerankers"][name].get("similarities", []):
                check_feature(config, f"rerankers.{name}.similarities", feature["encoder"], feature["field"])
            block = {**config["rerankers"][name], "signals": chosen, "left_out": left_out}
            config["rerankers"][name] = block
            ladders[name] = Ladder(config, name, problems)
    names = []
    for name in own:
        if name in ladders:
            with problems.noting():
                blocks = ladders[name].blocks()
                config["rerankers"] |= blocks
                names += blocks
        else:
            names.append(name)
    added = dict.fromkeys(name for ladder in ladders.values() for name in ladder.added)
    first = next((place for place, name in enumerate(names) if "rung" in config["rerankers"][name]), len(names))
    return {**config, "run": {**config["run"], "rerankers": [*names[:first], *added, *names[first:]]}}


def signals_of(config, name):
    """Return the checked signals of a fusion, and the reasons why others are left out, by name."""
    where, run = f"config key rerankers.{name}.signals", config["run"]["rerankers"]
    named = config["rerankers"][name]["signals"]
    usable = [other for other in run if reranker_kind(config, other) in SIGNAL_KINDS]
    if named is None:
        reasons = {other: _unusable(config, name, other) or _unasked(config, other) for other in usable}
        return [other for other in usable if not reasons[other]], {other: why for other, why in reasons.items() if why}
    for other in named:
        if other in config["rerankers"] and other not in usable and other in run:
            kind = reranker_kind(config, other)
            raise InputError(f"{where}: {other!r} is of kind {kind}; expected re-rankers that use a model: {usable}")
        if other not in usable:
            what = "is not in run.rerankers" if other in config["rerankers"] else "is not a defined re-ranker"
            raise InputError(f"{where}: {other!r} {what}; {suggest(other, usable)}")
        if other in RESERVED:
            raise InputError(f"{where}: {other!r} is a name reserved for fusions; expected another")
        if reason := _unusable(config, name, other):
            raise InputError(f"{where}: {other!r} {reason}")
    asked = {other: users_of(config, other) for other in named if users_of(config, other) != "all"}
    if any(users != next(iter(asked.values())) for users in asked.values()):
        raise InputError(f"{where}: found signals for different users, {asked}; expected the same users for all")
    return list(named), {}


def users_of(config, name):
    """Return whom a re-ranker is asked about: ``all``, ``hits`` or ``{sample: N, seed: S}``."""
    return config["rerankers"][name].get("users", "all")


def _unusable(config, name, other):
    """Return why a re-ranker cannot be a signal of a fusion, or an empty text.

    With ``users: hits``, only users whose held-out item is in the re-ranker's list have scores. If the fusion has
    another depth, these scores leak the place of the item.
    """
    if config["rerankers"][other]["type"] == "recommender" and not is_plain(config, other):
        return "scores by a base model that reads texts or pictures, for which the ladder has no control"
    depth, own = reranker_depth(config, other), reranker_depth(config, name)
    if users_of(config, other) != "hits" or depth == own:
        return ""
    return (
        f"has users: hits at depth {depth}, which leaks the place of the held-out item; expected users: all, or "
        f"depth {own} as in the fusion"
    )


def _unasked(config, other):
    """Return why a re-ranker is not a default signal, or an empty text."""
    if other in RESERVED:
        return "has a name reserved for fusions"
    if isinstance(users_of(config, other), dict):
        return "covers only a sample of the users, and would limit the fusion to them"
    return ""


def notices(config):
    """Return a sentence for each base model of the run that fusions skip."""
    skipped = [name for name in config["run"]["base_models"] if not has_valid(config, name)]
    return [f"base model {name!r} has no valid lists, so fusions skip it" for name in skipped if fusions(config)]


def left_out(config):
    """Return a sentence for each re-ranker that is no default signal of some fusions, with the reason."""
    blocks = {name: config["rerankers"][name] for name in fusions(config)}
    reasons = {}
    for name, block in blocks.items():
        for other, why in block.get("left_out", {}).items():
            reasons.setdefault((other, why), []).append(name)
    return [
        f"re-ranker {other!r} is not a signal of {', '.join(names)}: it {why}"
        for (other, why), names in reasons.items()
    ]


def has_valid(config, base_model):
    """Return whether a base model has lists for valid, which fusions are fitted on; an external one may not."""
    block = config["models"][base_model]
    return block["type"] != "external" or bool(block.get("valid"))


def rerankers_over(config, base_model):
    """Return the re-rankers of the run that run over a base model: no fusion if it has no valid lists."""
    return [name for name in config["run"]["rerankers"] if has_valid(config, base_model) or not is_fusion(config, name)]
