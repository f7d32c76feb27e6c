"""The main tables: hits, effects with intervals and tests, and what language models add."""

from reelrank.report.detail_tables import label
from reelrank.report.grid import Cell, Grid, cell, heads
from reelrank.report.headline import LEVEL, METRICS, effect
from reelrank.report.values import MISSING, count, interval, known, number, percent, short_p, signed, with_interval

#: Note below every table of hits.
DEEPER = (
    "A re-ranker permutes the first items of its base list, as many as its depth, so at n = depth it has exactly the "
    "base list's hits: only a re-ranker that reads a deeper candidate list can raise HR@{n}."
)

#: Note on the family of tests.
FAMILY = (
    "The family of tests, stated before: NDCG@{n} and HR@{n} of every re-ranker against its own base list, on test; "
    "structural zeros (hits that the depth fixes) are left out. {count} p-values, adjusted together by Holm's method; "
    "all others are not adjusted and decide nothing."
)

#: Note below the ladder.
LADDER = (
    "No text: interactions and metadata alone. Permuted: the vectors of the encoders, dealt out again among items of "
    "like popularity: what any further column gives. Words: cosines of TF-IDF of the same texts. Text is credited with "
    "its difference to the rung without text, an encoder or a language model only with its difference to words, and "
    "beyond what permuted vectors add there. A rung whose columns did not help on valid equals the one below: its "
    "difference is 0 and its p-value is 1. The rungs are a family of {count} tests of their own, adjusted by Holm. "
    "Every n and both splits: tables/ladder.csv."
)


def family_note(run):
    """Return the note on the family of tests, with their number."""
    return FAMILY.format(n=run.n, count=int(run.tables["effects"]["in_family"].sum()))


def hits_grid(run, choice=None):
    """Return the table of hits: base, re-ranker, hits at each n and their change.

    Several seeds are averaged. Published rows of other systems follow.
    """
    cutoffs = run.config["cutoffs"]
    numbers = [label for n in cutoffs for label in (f"Hits@{n}", f"HR@{n} [95%]", f"change of Hits@{n} [95%]")]
    grid = Grid(
        f"Hits of the held-out item, {run.title}, test",
        heads(["base", "re-ranker"], ["depth", *numbers, f"NDCG@{run.n}", f"p HR@{run.n}", f"p NDCG@{run.n}"]),
        name="hit_rate",
    )
    for base, name, rows in run.hits_on_test:
        grid.add(*_hits_row(run, base, name, rows), css=_row_class(run, name, base, choice))
    for row in run.dataset["published"]:
        grid.add(*_published_row(row, cutoffs), css="published")
    grid.note = (
        f"Full-catalogue ranking, items already seen masked. {DEEPER.format(n=max(cutoffs))} p-values are adjusted "
        "by Holm's method. A re-ranker that was asked for a sample of the users is compared on those users."
    )
    if run.pooled == "all":
        grid.note += " Hits and rates are means over the training seeds; intervals of changes are over users and seeds."
    if run.dataset["published"]:
        grid.note += " Rows marked published are other systems' figures on other users: not comparable."
    return grid


def _row_class(run, name, base, choice):
    if choice and (base, name) == (choice.base_model, choice.reranker):
        return "winner"
    return "base" if name == "identity" else "control" if run.kinds[name] == "control" else ""


def _hits_row(run, base, name, rows):
    first = rows.iloc[0]
    cells = [base, name, cell(first["depth"], count)]
    digits = 1 if run.pooled == "all" else 0
    for n in run.config["cutoffs"]:
        at = rows[rows["n"] == n]
        cells.append(cell(at["hits"].mean(), count, digits))
        low, high = (at["ci_low"].iloc[0], at["ci_high"].iloc[0]) if len(at) == 1 else (None, None)
        rate = at["hit_rate"].mean()
        cells.append(Cell(with_interval(number(rate), low, high), rate if known(rate) else None))
        cells.append(_change(at, effect(run, base, name, n=n), name))
    cells.append(cell(rows.loc[rows["n"] == run.n, "ndcg"].mean(), number))
    for metric in ("hit_rate", "ndcg"):
        cells.append(_p_cell(effect(run, base, name, metric=metric)))
    return cells


def _change(at, found, name):
    if name == "identity":
        return Cell("", 0.0)
    if found is None:
        return cell(at["change_percent"].mean(), percent)
    if found["structural_zero"]:
        return Cell("0 (fixed)", 0.0, "dim")
    return relative_cell(found)


def relative_cell(row):
    """Return the cell of a relative change with its interval."""
    value = row["relative_percent"]
    if not known(value):
        return Cell(MISSING)
    return Cell(with_interval(percent(value), row["relative_low"], row["relative_high"], 1), value, _sure(row))


def _sure(row):
    """Return the CSS class of an effect; empty unless it is significant after adjustment."""
    if known(row["p_adjusted"]) and row["p_adjusted"] < LEVEL:
        return "gain" if row["difference"] > 0 else "loss"
    return ""


def _p_cell(row):
    if row is None or row["structural_zero"] or not row["in_family"]:
        return Cell("")
    return cell(row["p_adjusted"], short_p, css=_sure(row))


def _published_row(row, cutoffs):
    base = row.get("base_hits", {})
    cells = [row["base_model"], f"{row['reranker']} (published)", ""]
    for n in cutoffs:
        ours, theirs = (hits.get(n, hits.get(str(n))) for hits in (row["hits"], base))
        change = 100 * (ours - theirs) / theirs if ours is not None and theirs else None
        cells += [Cell("") if ours is None else cell(ours, count), ""]
        cells.append(Cell("") if change is None else cell(change, percent, 2))
    return [*cells, "", "", ""]


def effects_grid(run):
    """Return every re-ranker's effects at the headline's n: difference, relative change, test, smallest effect."""
    numbers = [
        "value [95%]", "difference [95%]", "relative [95%]", "users gained / lost", "p", "p (Holm)",
        "smallest effect", "headroom captured",
    ]  # fmt: skip
    grid = Grid(
        f"Effects against the base list at n = {run.n}, test",
        heads(["base", "re-ranker", "metric"], ["users", *numbers]),
        note="Difference and relative change are against the same users' base list. Smallest "
        "effect: the least difference that a sample of this size shows with 80% power. Headroom: the share of "
        "what a perfect order of the same candidates would have gained. Every n and both splits: tables/effects.csv.",
        name="effects",
    )
    table = run.tables["effects"]
    rows = table[
        (table["split"] == "test")
        & (table["against"] == "identity")
        & (table["seed"] == run.pooled)
        & (table["n"] == run.n)
        & (table["reranker"] != "identity")
    ]
    for row in run.in_order(rows).to_dict("records"):
        css = "dim" if row["structural_zero"] else ""
        metric = f"{'HR' if row['metric'] == 'hit_rate' else METRICS[row['metric']]}@{run.n}"
        grid.add(row["base_model"], row["reranker"], metric, *effect_cells(row), css=css)
    return grid


def effect_cells(row):
    """Return the cells of one effect, from its users to the headroom."""
    moved = f"{count(row['gained'])} / {count(row['lost'])}" if known(row["gained"]) else ""
    headroom = row["headroom_captured"]
    return [
        cell(row["users"], count),
        Cell(with_interval(number(row["value"]), row["value_low"], row["value_high"]), _number(row["value"])),
        Cell(f"{signed(row['difference'])} {interval(row['difference_low'], row['difference_high'])}".strip(),
             _number(row["difference"]), _sure(row)),
        relative_cell(row),
        Cell(moved, _number(row["gained"])),
        cell(row["p_value"], short_p) if not row["structural_zero"] else Cell("fixed", css="dim"),
        _p_cell(row),
        cell(row["smallest_effect"], number) if not row["structural_zero"] else Cell("", css="dim"),
        Cell(percent(100 * headroom) if known(headroom) else MISSING, _number(headroom)),
    ]  # fmt: skip


def _number(value):
    return float(value) if known(value) else None


def ladder_rows(run, metrics):
    """Return the rows of the ladder's rungs on test at the headline's n, in the order of the config."""
    table = run.tables["ladder"]
    return run.in_order(
        table[
            (table["split"] == "test")
            & (table["seed"] == run.pooled)
            & table["metric"].isin(metrics)
            & (table["n"] == run.n)
            & table["place"].isin(["ranking", "item_input"])
        ]
    )


def step_label(run, row):
    """Return the name of a comparison of two rungs: the fusion or ``item input``, and the two rungs."""
    of = run.config["rerankers"][row["reranker"]]["rung_of"] if row["place"] == "ranking" else "item input"
    return f"{of}: {label(row['rung'])} over {label(row['against_rung'])}"


def ladder_grid(run):
    """Return each rung of the ladder against those below, or None if there is no ladder."""
    rows = ladder_rows(run, ["hit_rate", "ndcg"])
    if rows.empty:
        return None
    grid = Grid(
        f"The ladder: each rung against one below, n = {run.n}, test",
        heads(
            ["base", "step", "metric"],
            ["relative [95%]", "p (Holm)", "difference [95%]", "value", "below", "gained / lost", "p"],
        ),
        note=LADDER.format(count=int(run.tables["ladder"]["in_family"].sum())),
        name="ladder",
    )
    for row in rows.to_dict("records"):
        metric = f"{'HR' if row['metric'] == 'hit_rate' else 'NDCG'}@{int(row['n'])}"
        _, _, difference, relative, moved, p, p_adjusted, *_ = effect_cells({"headroom_captured": None, **row})
        grid.add(
            row["base_model"], Cell(step_label(run, row), css="step"), metric, relative, p_adjusted, difference,
            cell(row["value"], number), cell(row["against_value"], number), moved, p,
            css="" if row["gained"] or row["lost"] or row["difference"] else "dim",
        )  # fmt: skip
    return grid


def seeds_grid(run):
    """Return the hits of each training seed, or None if there is only one."""
    if run.pooled != "all":
        return None
    cutoffs = run.config["cutoffs"]
    grid = Grid(
        "Each training seed, test",
        heads(["base", "re-ranker"], ["seed", *[f"{name}@{n}" for n in cutoffs for name in ("HR", "NDCG")]]),
        folded=True,
        name="seeds",
    )
    for base, name, seed, rows in [
        (base, name, seed, rows)
        for base, name, every in run.hits_on_test
        for seed, rows in every.groupby("seed", sort=False)
    ]:
        cells = [
            cell(rows.loc[rows["n"] == n, column].iloc[0], number) for n in cutoffs for column in ("hit_rate", "ndcg")
        ]
        grid.add(base, name, Cell(seed, float(seed)), *cells)
    return grid
