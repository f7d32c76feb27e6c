"""Two runs side by side: the differences in their configs and numbers."""

from pathlib import Path

import pandas as pd
import yaml

from reelrank.errors import InputError
from reelrank.plan.paths import HIT_RATE, RUN_CONFIG
from reelrank.report.grid import Cell, Grid, cell, heads
from reelrank.report.inputs import read_csv
from reelrank.report.latex import to_markdown
from reelrank.report.values import count, number, signed

#: Columns that identify a row in both runs, and the metrics to compare.
KEYS = ["split", "base_model", "seed", "reranker", "n"]
METRICS = ["hit_rate", "ndcg", "mrr"]

#: Shown for a key that one config does not have.
ABSENT = "(not there)"


def read_results(folder):
    """Return config and hit rates from a run's folder ``results/{dataset}/{protocol}``.

    Raises
    ------
    InputError
        Names the folder and the file that is missing.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"config key runs: found no folder {folder}; expected a folder results/{{dataset}}/{{protocol}}"
        )
    for name in (RUN_CONFIG, HIT_RATE):
        if not (folder / name).is_file():
            raise InputError(f"config key runs: {folder} holds no file {name}; expected the results of a finished run")
    try:
        config = yaml.safe_load((folder / RUN_CONFIG).read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"{folder / RUN_CONFIG}: found invalid YAML ({error}); expected the config of a run") from None
    if not isinstance(config, dict):
        raise InputError(f"{folder / RUN_CONFIG}: found {type(config).__name__}; expected the config of a run")
    return config, read_csv(folder / HIT_RATE, "hit_rate")


def flat(value, key=""):
    """Return a nested mapping as a flat one with dotted keys; a list is one value."""
    if isinstance(value, dict) and value:
        return {full: leaf for name in value for full, leaf in flat(value[name], f"{key}.{name}".lstrip(".")).items()}
    return {key: value}


def config_differences(first, second):
    """Return the keys that differ, with both values; `ABSENT` if a config lacks the key."""
    first, second = flat(first), flat(second)
    return [
        (key, first.get(key, ABSENT), second.get(key, ABSENT))
        for key in dict.fromkeys([*first, *second])
        if first.get(key, ABSENT) != second.get(key, ABSENT)
    ]


def number_differences(first, second):
    """Return the metrics of every list and n that either run has.

    Parameters
    ----------
    first, second : pandas.DataFrame
        Hit-rate tables.

    Returns
    -------
    pandas.DataFrame
        Columns split, base_model, seed, reranker, n, metric, first, second, difference, users_first, users_second,
        found_in (both, first, second).
    """
    columns = [*KEYS, "users", *METRICS]
    merged = first[columns].merge(
        second[columns], on=KEYS, how="outer", suffixes=("_first", "_second"), indicator=True, sort=False
    )
    where = {"both": "both", "left_only": "first", "right_only": "second"}
    tables = []
    for metric in METRICS:
        table = merged[KEYS].assign(metric=metric, first=merged[f"{metric}_first"], second=merged[f"{metric}_second"])
        table["difference"] = table["second"] - table["first"]
        for side in ("first", "second"):
            table[f"users_{side}"] = merged[f"users_{side}"].astype("Int64")
        tables.append(table.assign(found_in=merged["_merge"].astype(str).map(where)))
    table = pd.concat(tables, ignore_index=True)
    table["n"] = table["n"].astype(int)
    return table.sort_values([*KEYS, "metric"], kind="stable").reset_index(drop=True)


def comparison_markdown(names, configs, hits, numbers):
    """Return the comparison in Markdown.

    Parameters
    ----------
    names : sequence of str
        The two folders, as the user gave them.
    configs, hits : sequence
        Config and hit rates of each.
    numbers : pandas.DataFrame
        Result of `number_differences`.
    """
    lines = ["# Two runs side by side", "", f"First: `{names[0]}`  ", f"Second: `{names[1]}`", ""]
    for what in ("dataset", "protocol"):
        found = [" and ".join(sorted(set(table[what]))) for table in hits]
        if found[0] != found[1]:
            lines += [f"**The {what}s differ** ({found[0]}; {found[1]}): the numbers below are not comparable.", ""]
    return "\n".join([*lines, *_config_lines(*configs), "", _numbers_table(numbers)])


def _config_lines(first, second):
    differences = config_differences(first, second)
    if not differences:
        return ["The configs are the same."]
    grid = Grid("Config keys that differ", heads(["key", "first", "second"]))
    for key, *values in differences:
        grid.add(key, *(value if value == ABSENT else yaml_text(value) for value in values))
    return ["#" + to_markdown(grid).rstrip()]


def yaml_text(value):
    """Return a value on one line of YAML."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True).removesuffix("...\n").strip()


def _numbers_table(numbers):
    shown = numbers[(numbers["split"] == "test") & (numbers["metric"] != "mrr")]
    both = shown[shown["found_in"] == "both"]
    changed = both[both["difference"].abs() > 0]
    heading = f"Numbers on test: {len(changed)} of {len(both)} differ"
    grid = Grid(
        heading,
        heads(["base", "seed", "re-ranker", "metric"], ["first", "second", "difference", "users first / second"]),
        note="Only rows that differ or are in one run alone; all rows, valid and MRR: comparison.csv. Differences "
        "between runs have no interval here: a change below the smallest effect of either report may be chance.",
    )
    for row in shown[(shown["found_in"] != "both") | shown.index.isin(changed.index)].to_dict("records"):
        sides = [side for side in ("first", "second") if row["found_in"] in ("both", side)]
        values = [cell(row[side], number) if side in sides else Cell("") for side in ("first", "second")]
        users = [count(int(row[f"users_{side}"])) if side in sides else "" for side in ("first", "second")]
        difference = cell(row["difference"], signed) if len(sides) == 2 else Cell(f"only in the {sides[0]}")
        metric = f"{'HR' if row['metric'] == 'hit_rate' else 'NDCG'}@{row['n']}"
        grid.add(row["base_model"], row["seed"], row["reranker"], metric, *values, difference, " / ".join(users))
    return "#" + to_markdown(grid)
