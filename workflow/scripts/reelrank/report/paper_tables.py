"""Tables narrow enough for a paper: one row per base model and re-ranker."""

from reelrank.report.grid import Cell, Grid, cell, heads
from reelrank.report.headline import effect
from reelrank.report.result_tables import DEEPER, family_note, relative_cell
from reelrank.report.values import count, known, number, percent, short_p, with_interval


def compact_hits(run):
    """Return hits at each n and their change, in the layout of papers."""
    cutoffs = run.config["cutoffs"]
    numbers = [*(f"Hits@{n}" for n in cutoffs), *(f"change of Hits@{n}" for n in cutoffs)]
    grid = Grid(f"Hits on {run.title}, {run.protocol.replace('_', ' ')}, test", heads(["base", "re-ranker"], numbers))
    for base, name, rows in run.hits_on_test:
        means = rows.groupby("n")[["hits", "change_percent"]].mean()
        changes = [Cell("") if name == "identity" else cell(means.loc[n, "change_percent"], percent) for n in cutoffs]
        digits = 1 if run.pooled == "all" else 0
        grid.add(base, name, *(cell(means.loc[n, "hits"], count, digits) for n in cutoffs), *changes)
    grid.note = DEEPER.format(n=max(cutoffs))
    return grid


def compact_effects(run):
    """Return NDCG and hit rate at the headline's n with their relative change and adjusted p."""
    n = run.n
    numbers = [label for name in ("NDCG", "HR") for label in (f"{name}@{n} [95%]", "change [95%]", "p (Holm)")]
    title = f"Effects of re-ranking on {run.title}, {run.protocol.replace('_', ' ')}, test"
    grid = Grid(title, heads(["base", "re-ranker"], numbers), note=family_note(run))
    for base, name, rows in run.hits_on_test:
        cells = []
        for metric, column in (("ndcg", "ndcg"), ("hit_rate", "hit_rate")):
            found = effect(run, base, name, metric=metric)
            if found is None or name == "identity":
                value = rows.loc[rows["n"] == n, column].mean()
                cells += [cell(value, number), Cell(""), Cell("")]
                continue
            value = with_interval(number(found["value"]), found["value_low"], found["value_high"])
            tested = found["in_family"] and known(found["p_adjusted"])
            change = Cell("0 (fixed)") if found["structural_zero"] else relative_cell(found)
            cells += [Cell(value), change, Cell(short_p(found["p_adjusted"]) if tested else "")]
        grid.add(base, name, *cells)
    return grid
