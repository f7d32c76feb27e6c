"""Ranges of the search for settings: checked against the schema of each type. No heavy import: Snakemake runs this.

A range is a list of choices, or ``{low, high, log}`` for a number. It belongs to one key of one model or fusion. Twins
and rungs are built from a block; each is searched on its own with the ranges of that block.
"""

import itertools

from reelrank.config.added import origin
from reelrank.config.rerankers import reranker_kind
from reelrank.config.schema import check, entry
from reelrank.errors import suggest

#: The sections that can be searched, and the key of ``run`` that selects from each.
SEARCHED = {"models": "base_models", "rerankers": "rerankers"}

#: Types of a value that can be searched. A text without a list of allowed values names something to load instead.
SCALARS = {"integer", "number", "boolean", "null"}

#: Keys that decide which inputs a job reads.
OF_INPUTS = ("depth", "users")


def complete_search(config, problems):
    """Return the config with complete ranges: the ends of a number are floats, those of an integer are integers.

    Parameters
    ----------
    config : dict
        Its blocks are complete, and have their twins.
    problems : reelrank.config.schema.Problems
        Takes the mistakes.
    """
    search = dict(config["search"])
    if search["over"] is not None and search["over"] not in config["models"]:
        problems.add(
            f"config key search.over: unknown name {search['over']!r}; {suggest(search['over'], config['models'])}"
        )
    for section in SEARCHED:
        complete = {}
        for name, ranges in search[section].items():
            with problems.noting():
                complete[name] = _of_name(config, section, name, ranges, problems)
        search[section] = complete
    return {**config, "search": search}


def ranges_of(config, section):
    """Return the ranges of each name of the run that is searched, in the order of the run.

    Parameters
    ----------
    config : dict
        Completed.
    section : {'models', 'rerankers'}

    Returns
    -------
    dict of str to dict
        A twin or a rung has the ranges of the block that it is built from.
    """
    given, found = config["search"][section], {}
    for name in config["run"][SEARCHED[section]]:
        block = config[section][name]
        own = given.get(origin(name, block) or name, {})
        if own:
            found[name] = {key: values for key, values in own.items() if key in block}
    return found


def _of_name(config, section, name, ranges, problems):
    """Return the complete ranges of one model or fusion."""
    where, blocks = f"config key search.{section}.{name}", config[section]
    if name not in blocks:
        problems.add(f"{where}: unknown name {name!r}; {suggest(name, blocks)}")
        return {}
    if source := origin(name, blocks[name]):
        problems.add(f"{where}: {name!r} is built from {source!r}, and gets its ranges; expected {source!r} alone")
        return {}
    if section == "rerankers" and (kind := reranker_kind(config, name)) != "fusion":
        problems.add(f"{where}: {name!r} is of kind {kind}; expected a fusion")
        return {}
    if source := {"external": "files", "union": "other base models"}.get(blocks[name]["type"]):
        problems.add(f"{where}: the lists of {name!r} come from {source}; expected a model that is trained here")
        return {}
    known, complete = entry(section, blocks[name]["type"])["properties"], {}
    for key, values in ranges.items():
        if key not in known:
            problems.add(f"{where}.{key}: unknown key {key!r}; {suggest(key, known)}")
        elif key in OF_INPUTS or not _is_scalar(known[key]):
            problems.add(f"{where}.{key}: found a key that decides what is read; expected a key that is a setting")
        else:
            complete[key] = _complete_range(known[key], key, values, where.removeprefix("config key "), problems)
    for key, rule in entry(section, blocks[name]["type"]).get("multiples", {}).items():
        _check_multiple(complete, blocks[name], key, rule, where, problems)
    return complete


def _types(own):
    """Return the JSON types of a key; none if it has a list of allowed values."""
    found = own.get("type", [])
    return set(found if isinstance(found, list) else [found])


def _is_scalar(own):
    return "enum" in own or (_types(own) and _types(own) <= SCALARS)


def _complete_range(own, key, values, where, problems):
    """Return a complete range after checking its ends, or its choices, against the key's schema."""
    if isinstance(values, list):
        return _choices(own, key, values, where, problems)
    if not _types(own) & {"integer", "number"}:
        problems.add(f"config key {where}.{key}: found low and high; expected a list of choices: it is no number")
        return values
    ends = {end: values[end] for end in ("low", "high")}
    wrong = check(ends, {"properties": dict.fromkeys(ends, own)}, f"{where}.{key}", problems)
    if wrong or not all(isinstance(end, int | float) for end in ends.values()):
        return values
    low, high = (_typed(own, end) for end in ends.values())
    if low >= high:
        problems.add(f"config key {where}.{key}: found low {low} and high {high}; expected low below high")
    if values.get("log") and low <= 0:
        problems.add(f"config key {where}.{key}.low: found {low} with log: true; expected more than 0")
    return {"low": low, "high": high, "log": values.get("log", False)}


def _choices(own, key, values, where, problems):
    found = []
    for value in values:
        one = {key: value}
        if not check(one, {"properties": {key: own}}, where, problems):
            found.append(_typed(own, one[key]))
    return found


def _typed(own, value):
    """Return a number of type ``number`` as a float, so that a range of ``{low: 0, high: 1}`` holds fractions."""
    return float(value) if "number" in _types(own) and isinstance(value, int) else value


def _check_multiple(ranges, block, key, rule, where, problems):
    """Check that every combination keeps a key a multiple of another: a trial must not fail for that reason."""
    both = [key, rule["of"]]
    if not set(both) & set(ranges):
        return
    values = [ranges.get(name, [block.get(name)]) for name in both]
    if not all(isinstance(one, list) for one in values):
        problems.add(
            f"{where}: found low and high for {key} or {rule['of']}; expected lists, since {key} must be a multiple of "
            f"{rule['of']}"
        )
        return
    for found, other in itertools.product(*values):
        if found % (rule.get("times", 1) * other):
            problems.add(f"{where}: found {key} {found} with {rule['of']} {other}; expected a multiple")
