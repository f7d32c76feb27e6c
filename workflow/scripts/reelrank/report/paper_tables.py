"""Tables narrow enough for a paper: one row per base model and re-ranker."""

from reelrank.report.grid import Cell, Grid, cell, heads
from reelrank.report.headline import effect, headline
from reelrank.report.latex import to_markdown
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


#: Kinds of list in the summary. Controls with permuted vectors are in its table of steps alone.
SUMMARY_KINDS = ("base", "collaborative", "discriminative", "generative", "fusion")


def summary_lists(run):
    """Return the hit rates and the NDCG of all lists but the controls."""
    numbers = [*(f"HR@{n}" for n in run.config["cutoffs"]), f"NDCG@{run.n}"]
    grid = Grid(f"{run.title}: lists, test", heads(["base", "re-ranker", "rung"], numbers))
    for base, name, rows in run.hits_on_test:
        if run.kinds[name] not in SUMMARY_KINDS:
            continue
        means = rows.groupby("n")[["hit_rate", "ndcg"]].mean()
        rates = [cell(means.loc[n, "hit_rate"], number) for n in run.config["cutoffs"]]
        rung = run.rungs.get(name, "").replace("_", " ")
        grid.add(base, "" if name == "identity" else name, rung, *rates, cell(means.loc[run.n, "ndcg"], number))
    return grid


def summary_steps(run):
    """Return the steps of the ladder in NDCG at the headline's n, with intervals and adjusted p-values."""
    table = run.tables["ladder"]
    rows = table[
        (table["split"] == "test")
        & (table["seed"] == run.pooled)
        & (table["metric"] == "ndcg")
        & (table["n"] == run.n)
        & table["place"].isin(["ranking", "item_input"])
    ]
    grid = Grid(
        f"{run.title}: each rung against one below, NDCG@{run.n}, test",
        heads(["base", "list", "step"], ["change [95%]", "p (Holm)"]),
    )
    for row in run.in_order(rows).to_dict("records"):
        step = f"{row['rung']} over {row['against_rung']}".replace("_", " ")
        name = run.config["rerankers"][row["reranker"]].get("rung_of", row["reranker"])
        own = name if row["place"] == "ranking" else "item input"
        p_adjusted = short_p(row["p_adjusted"]) if known(row["p_adjusted"]) else ""
        grid.add(row["base_model"], own, step, relative_cell(row), p_adjusted)
    return grid


def summary(run):
    """Return the headline, the lists and the steps of the ladder as Markdown."""
    told = headline(run)
    sentences = told["sentence"] if isinstance(told["sentence"], list) else [told["sentence"]]
    users = int(run.tables["hit_rate"]["users"].max())
    protocol = run.protocol.replace("_", "-")
    parts = [
        f"{run.title}, {protocol}, full-catalogue ranking, {count(users)} users, training seeds "
        f"{', '.join(map(str, run.config['run']['seeds']))}.",
        " ".join(sentences),
        *(to_markdown(grid).strip() for grid in (summary_lists(run), summary_steps(run))),
        *told["notes"],
    ]
    return "\n\n".join(parts).replace("\n# ", "\n### ") + "\n"
