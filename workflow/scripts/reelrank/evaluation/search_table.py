"""Tables of a search: ``search.csv`` with every trial, and ``search.md`` with the best settings to copy."""

import json

import pandas as pd

#: Columns of ``search.csv``. `shipped`: the trial has the settings of the config; `best`: see `best_of`.
COLUMNS = ("section", "name", "trial", "state", "options", "valid_ndcg", "best", "shipped", "reason")


def rows_of(section, name, trials):
    """Return the rows of one model or fusion.

    Parameters
    ----------
    section : {'models', 'rerankers'}
    name : str
    trials : list of dict
        From `reelrank.training.trials.search`.
    """
    best = best_of(trials)
    return [
        {
            "section": section,
            "name": name,
            **{key: trial[key] for key in ("trial", "state", "valid_ndcg", "reason")},
            "options": json.dumps(trial["options"]),
            "best": trial is best,
            "shipped": trial["options"] == trials[0]["options"],
        }
        for trial in trials
    ]


def best_of(trials):
    """Return the trial with the highest value, of equal values the first.

    If that is trial 0, return the drawn trial with the same settings, if there is one: its number does not change
    with the config.
    """
    best = max((trial for trial in trials if trial["valid_ndcg"] is not None), key=lambda trial: trial["valid_ndcg"])
    return next((trial for trial in trials[1:] if trial["options"] == best["options"]), best)


def to_csv(rows):
    """Return the rows as CSV text."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    for name in ("best", "shipped"):
        table[name] = table[name].map({True: "true", False: "false"})
    return table.to_csv(index=False, float_format="%.8f", lineterminator="\n")


def to_markdown(found, place, not_searched, over, command):
    """Return the page.

    Parameters
    ----------
    found : list of (str, str, str or None, dict)
        Section, name, origin, and the content of ``trials.json``.
    place : str
        Dataset and protocol.
    not_searched : list of str
        Fusions of the run with ranges that are not searched.
    over : str or None
        The base model whose lists fusions are searched over.
    command : str
        Runs this search again.
    """
    header = ("name", "over", "trials", "failed", "valid users", "shipped", "best", "change", "best trial")
    lines = [f"Search on valid: {place}", "", f"| {' | '.join(header)} |", f"|---|---|{'---:|' * (len(header) - 2)}"]
    lines += [_line(section, name, about, over) for section, name, _, about in found]
    lines += ["", "NDCG@10 on valid. It is the best of several trials, so it promises more than test will show."]
    if not_searched:
        why = f"search.over ({over}) names no base model of the run with valid lists"
        lines += ["", f"Not searched: {', '.join(not_searched)}, since {why}."]
    for section, name, source, about in found:
        lines += ["", *_settings(section, name, source, about["trials"])]
    return "\n".join([*lines, "", "This search again:", "", f"    {command}", ""])


def _line(section, name, about, over):
    trials = about["trials"]
    shipped, best = trials[0], best_of(trials)
    failed = sum(trial["valid_ndcg"] is None for trial in trials)
    value, change = "failed", ""
    if shipped["valid_ndcg"] is not None:
        value, change = f"{shipped['valid_ndcg']:.5f}", f"{best['valid_ndcg'] - shipped['valid_ndcg']:+.5f}"
    cells = [name, over if section == "rerankers" else "", len(trials), failed, f"{about['users']:,}", value]
    return f"| {' | '.join(map(str, [*cells, format(best['valid_ndcg'], '.5f'), change, best['trial']]))} |"


def _settings(section, name, source, trials):
    """Return the settings of the best trial as YAML, or a sentence if there is nothing to copy."""
    best = best_of(trials)
    if best["options"] == trials[0]["options"]:
        chosen = f", those of trial {best['trial']}" if best["trial"] else ": no trial beats them"
        return [f"{name} keeps its shipped settings{chosen}."]
    values = [f"    {key}: {_yaml(value)}" for key, value in best["options"].items()]
    if source:
        told = (
            f"{name} is built from {source} and shares its settings. Its own best are those of trial {best['trial']}:"
        )
        return [told, "", *values]
    return ["```yaml", f"{section}:", f"  {name}:   # trial {best['trial']} of search.csv", *values, "```"]


def _yaml(value):
    """Return a scalar as YAML. YAML reads a number such as 1e-05 as a text, unless it has a point."""
    text = json.dumps(value)
    return text.replace("e", ".0e", 1) if isinstance(value, float) and "e" in text and "." not in text else text
