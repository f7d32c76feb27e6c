"""Tables beyond accuracy: quality of lists, slices, gaps, answers of language models, cost."""

import math

from reelrank.report.benchmarks import by_stage, reranking_seconds
from reelrank.report.grid import Cell, Grid, cell, heads
from reelrank.report.headline import choose
from reelrank.report.values import MISSING, count, interval, known, number, percent, signed, with_interval

WHO = ["base", "re-ranker"]


def _who(run, row):
    return f"{row['base_model']}{_seed(run, row)}", row["reranker"]


def quality_grid(run):
    """Return the table of list quality at the headline's n."""
    table = run.tables["list_quality"]
    grid = Grid(
        f"The lists themselves: their first {run.n} items, test",
        heads(WHO, ["coverage", "diversity", "novelty (bits)", "mean popularity", "popularity against base"]),
        note="Coverage: share of the catalogue that anyone is shown. Diversity: mean distance (1 - cosine) of the "
        "titles' vectors within a list. Novelty: mean of -log2 of the items' share of training users. Popularity: mean "
        "training interactions of the items shown. Of a re-ranker that was asked only about hits, only those lists are "
        "described.",
    )
    for row in table[table["n"] == run.n].to_dict("records"):
        grid.add(
            *_who(run, row), cell(row["coverage"], number, 3), cell(row["diversity"], number, 3),
            cell(row["novelty"], number, 2), cell(row["mean_popularity"], count, 1),
            cell(row["popularity_change_percent"], percent) if row["reranker"] != "identity" else Cell(""),
        )  # fmt: skip
    return grid


def shown_lists(run, choice):
    """Return the base model and the re-rankers whose slices are shown: the best, its lowest rung, others."""
    if choice is None:
        return run.config["run"]["base_models"][0], [name for name in run.rerankers if name != "random"][:4]
    base, names = choice.base_model, ["identity", choice.reranker, _lowest_rung(run, choice.reranker)]
    for kind in ("generative", "discriminative"):
        best = choose(run, base, (kind,))
        names.append(best and best.reranker)
    return base, list(dict.fromkeys(filter(None, names)))


def _lowest_rung(run, reranker):
    """Return the rung without text of a fusion, or None."""
    of = run.config["rerankers"][reranker].get("rung_of")
    blocks = {name: run.config["rerankers"][name] for name in run.rerankers}
    return next(
        (name for name, own in blocks.items() if of and own.get("rung_of") == of and own["rung"] == "no_text"), None
    )


def slices_grid(run, choice):
    """Return hit rates by slice of the users over the headline's base model; small slices are grey."""
    base, names = shown_lists(run, choice)
    table = run.tables["slices"]
    rows = table[(table["base_model"] == base) & table["reranker"].isin(names) & (table["n"] == run.n)]
    grid = Grid(
        f"Slices of the users over {base}, n = {run.n}, test",
        heads(["slice by", "slice", "re-ranker"], ["users", f"HR@{run.n} [95%]", f"NDCG@{run.n}", "difference [95%]"]),
        note="Difference of the hit rate against the base list in the same slice. Slices of fewer than 30 users are "
        "greyed: their figures say little. No p-value is given: slices are to be looked at, not tested. All lists: "
        "tables/slices.csv.",
    )
    for row in rows.sort_values(["slice_by", "position"], kind="stable").to_dict("records"):
        difference = f"{signed(row['difference'])} {interval(row['difference_low'], row['difference_high'])}".strip()
        if row["reranker"] == "identity":
            difference = ""
        rate = with_interval(number(row["hit_rate"]), row["hit_rate_low"], row["hit_rate_high"])
        grid.add(
            label(row["slice_by"]),
            Cell(row["slice"], row["position"]),
            row["reranker"] + (_seed(run, row)),
            cell(row["users"], count),
            Cell(rate, row["hit_rate"] if known(row["hit_rate"]) else None),
            cell(row["ndcg"], number),
            Cell(difference, row["difference"] if known(row["difference"]) else None),
            css="small" if row["small"] else "",
        )
    return grid


def _seed(run, row):
    return f" (seed {row['seed']})" if run.pooled == "all" and row["seed"] != "all" else ""


def label(name):
    """Return a column's name as words."""
    return str(name).replace("_", " ")


def gaps_grid(run, choice):
    """Return the largest gap between slices, over the headline's base model."""
    base, names = shown_lists(run, choice)
    table = run.tables["gaps"]
    rows = table[(table["base_model"] == base) & table["reranker"].isin(names) & (table["n"] == run.n)]
    grid = Grid(
        f"Largest gaps between slices of at least 30 users, {base}, HR@{run.n}, test",
        heads(["re-ranker", "slice by", "best", "worst"], ["gap [95%]"]),
        note="The best and the worst slice are chosen by looking, so a gap is above 0 by chance alone. The interval "
        "allows for that: where it starts at 0, no two slices can be told apart.",
    )
    for row in rows.to_dict("records"):
        gap = with_interval(number(row["gap"]), row["gap_low"], row["gap_high"])
        name = row["reranker"] + _seed(run, row)
        grid.add(name, label(row["slice_by"]), row["best"], row["worst"], Cell(gap, row["gap"]))
    return grid


def positions_grid(run):
    """Return the hit rate by position of the held-out item in the prompt, one column per range of positions."""
    table = run.tables["positions"]
    if table.empty:
        return None
    at = int(table["n"].iloc[0])
    table = table[table["n"] == at]
    width = max(1, math.ceil(table["position"].max() / 4))
    lows = [1 + width * place for place in range(4)]
    grid = Grid(
        f"Position bias: hit rate at {at} by the place of the truth in the prompt",
        heads(WHO, [f"{low}–{low + width - 1}" for low in lows]),
        note="The candidates are shuffled before they are shown: without bias the columns are alike.",
    )
    for (base, seed, name), rows in table.groupby(["base_model", "seed", "reranker"], sort=False):
        cells = []
        for low in lows:
            inside = rows[rows["position"].between(low, low + width - 1)]
            users = inside["users"].sum()
            cells.append(cell((inside["hit_rate"] * inside["users"]).sum() / users if users else None, number, 3))
        grid.add(*_who(run, {"base_model": base, "seed": seed, "reranker": name}), *cells)
    return grid


def answers_grid(run):
    """Return the table of answers of language models: unchanged orders, correlation with the prompt, faults by kind."""
    table = run.tables["answers"]
    if table.empty:
        return None
    known_columns = ["dataset", "protocol", "base_model", "seed", "reranker", "split", "requests"]
    known_columns += ["unchanged_share", "order_correlation"]
    faults = [column for column in table.columns if column not in known_columns]
    grid = Grid(
        "Answers of language models and their faults",
        heads([*WHO, "split"], ["requests", "unchanged", "order correlation", *map(label, faults)]),
        note="Unchanged: share of answers in the prompt's own order. Order correlation: mean rank correlation of "
        "answer and prompt. Every fault was repaired, so no list lost an item.",
    )
    for row in table.to_dict("records"):
        counts = [cell(row[column], count) if not isinstance(row[column], str) else row[column] for column in faults]
        unchanged = row["unchanged_share"]
        grid.add(
            *_who(run, row), row["split"], cell(row["requests"], count),
            Cell(percent(100 * unchanged, sign=False) if known(unchanged) else MISSING, unchanged),
            cell(row["order_correlation"], signed, 2), *counts,
        )  # fmt: skip
    return grid


def cost_grid(run, jobs):
    """Return tokens, dollars and seconds per 1,000 users for every re-ranker.

    Parameters
    ----------
    run : reelrank.report.inputs.Run
    jobs : pandas.DataFrame
        Result of `reelrank.report.benchmarks.read_benchmarks`.
    """
    grid = Grid(
        "What re-ranking costs, per 1,000 users",
        heads(WHO, ["users", "requests", "input tokens", "output tokens", "US dollars", "seconds"]),
        note="Users of both splits that were asked about. Dollars at the prices of config/prices.yaml. Seconds of the "
        "re-ranking jobs on the machine of this run, with their start and without the features that they read; they "
        "vary from run to run. All fusions of a base list are made in one job, whose seconds each of them is given.",
    )
    for row in cost_rows(run, jobs):
        scale = 1000 / row["users"] if row["users"] else None
        each = [row[key] * scale if scale and known(row[key]) else None for key in ("requests", "input_tokens")]
        each += [row[key] * scale if scale and known(row[key]) else None for key in ("output_tokens", "usd")]
        cells = [Cell("") if not row["asks"] else cell(value, count) for value in each[:3]]
        grid.add(
            *_who(run, row), cell(row["users"], count), *cells,
            Cell("") if not row["asks"] else cell(each[3], number, 4), cell(row["seconds_per_1000"], number, 2),
        )  # fmt: skip
    return grid


def cost_rows(run, jobs):
    """Return one dict per list of a re-ranker: users, requests, tokens, usd, seconds_per_1000, asks."""
    table = run.tables["cost"]
    paid = {(row["base_model"], row["seed"], row["reranker"]): row for row in table.to_dict("records")}
    sizes = run.tables["hit_rate"]
    sizes = sizes[sizes["n"] == run.n].groupby(["base_model", "seed", "reranker"], sort=False)["users"].sum()
    rows = []
    order = [key for base, name, _ in run.hits_on_test for key in sizes.index if (key[0], key[2]) == (base, name)]
    for base, seed, name in order:
        if name == "identity":
            continue
        users = sizes[base, seed, name]
        about = paid.get((base, seed, name))
        asked = about["users"] if about else users
        seconds = reranking_seconds(jobs, run.protocol, base, seed, name, run.kinds[name] == "fusion")
        empty = dict.fromkeys(("requests", "input_tokens", "output_tokens", "usd"))
        rows.append(
            {
                **{key: (about or empty)[key] for key in empty},
                "base_model": base,
                "seed": seed,
                "reranker": name,
                "users": asked,
                "asks": bool(about and about["requests"]),
                "seconds_per_1000": float(1000 * seconds / asked) if asked and known(float(seconds)) else None,
            }
        )
    return rows


def jobs_grid(jobs):
    """Return time and peak memory by stage, or None if nothing was measured."""
    if jobs.empty:
        return None
    grid = Grid(
        "Peak memory and time per rule",
        heads(["stage"], ["jobs", "seconds", "longest job (s)", "peak memory (MB)"]),
        note="From Snakemake's benchmark files of the machine of this run; `*` stands for every base model and seed. "
        "n/a: the job was too short to be measured.",
        folded=True,
    )
    for row in by_stage(jobs).to_dict("records"):
        cells = [cell(row["jobs"], count), *(cell(row[key], number, 1) for key in ("seconds", "longest"))]
        grid.add(row["stage"], *cells, cell(row["memory_mb"], count))
    return grid
