"""Tables about the run: data, protocol, re-rankers, fusions, features, audits, packages."""

from importlib import metadata

from reelrank.config.added import NOTED
from reelrank.report.grid import Cell, Grid, cell, heads
from reelrank.report.redact import shown_text
from reelrank.report.values import MISSING, count, known, number, percent

#: Packages that affect numbers or figures; the report names those that are installed.
PACKAGES = (
    "snakemake", "numpy", "pandas", "pyarrow", "scipy", "matplotlib", "jinja2", "torch", "sentence-transformers",
    "transformers", "open_clip_torch", "lightgbm", "openai", "huggingface_hub",
)  # fmt: skip


def data_grid(run):
    """Return the counts of the dataset and of the protocol."""
    grid = Grid(
        "Counts", heads(["what"], ["value"]), note="Counted before the split (first) and by the protocol (last)."
    )
    skipped = ("first_timestamp", "last_timestamp", "has_timestamps", "differs_from_published")
    for source, values in (("", run.statistics), ("protocol: ", run.counts)):
        for key, value in values.items():
            if key in skipped or not known(value) or isinstance(value, bool):
                continue
            shown = cell(value, count) if isinstance(value, int) else cell(value, number, 4)
            grid.add(f"{source}{key.replace('_', ' ')}", shown)
    return grid


def asked_grid(run):
    """Return every re-ranker: its kind and options, its depth, and the users it was asked about."""
    grid = Grid(
        "The re-rankers: what was asked, of whom",
        heads(["re-ranker", "kind", "what", "asked about"], ["depth"]),
        note="hits: asked only for users whose held-out item is in the list; all others are misses whatever the order, "
        "so hit rate, NDCG and MRR are the same as if all had been asked. It is a device of evaluation.",
    )
    abouts = {key[3]: about for key, (_, about) in run.ranks.items() if key[0] == "test"}
    for name in run.rerankers:
        about, block = abouts.get(name, {}), run.config["rerankers"][name]
        grid.add(
            name, run.kinds.get(name, ""), Cell(describe(block), css="wrap"), about.get("users", "all"),
            cell(int(about["depth"]) if "depth" in about else None, count),
        )  # fmt: skip
    return grid


def describe(block):
    """Return a re-ranker's block as text: its type and options, without those that have a column."""
    said = [
        f"{key.replace('_', ' ')}: {_said(value)}"
        for key, value in block.items()
        if key not in ("type", "depth", "users", *NOTED) and value is not None
    ]
    return "; ".join([block["type"], *said])


def _said(value):
    if isinstance(value, dict):
        return " ".join(_said(each) for each in value.values())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_said, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown_text(value) if isinstance(value, str) else str(value)


def gates_grid(run):
    """Return the gates of the fusions: what decided on valid whether the columns of a rung are used, or None."""
    grid = Grid(
        "Gates: whether the columns of a rung are used, decided on valid",
        heads(["base", "list", "stage", "decision"], ["standard errors", "spread", "needed", "fold seeds", "users"]),
        note="The gain in NDCG@10 of trees with the columns over the stage before, in standard errors over the users, "
        "with each user averaged over the fold seeds. Spread: twice the standard error of this number over the fold "
        "seeds. Undecided: what is needed lies within the spread. Columns that are undecided or not used change no "
        "list.",
        folded=True,
        name="gates",
    )
    for each in run.fusions:
        base = f"{each['base_model']} (seed {each['seed']})" if run.pooled == "all" else each["base_model"]
        for place, gate in enumerate(each.get("gates", []), 1):
            if "standard_errors" in gate:
                grid.add(
                    base, each["reranker"], Cell(str(place), place), gate["decision"],
                    cell(gate["standard_errors"], number, 2), cell(gate["spread"], number, 2),
                    cell(gate["threshold"], number, 2), cell(len(gate["by_seed"]), count),
                    cell(gate["judged_users"], count),
                )  # fmt: skip
    return grid if grid.rows else None


def fusion_grids(run):
    """Return the tables of what the fusions fitted: NDCG@10 on valid, weights or importances, and gates."""
    if not run.fusions:
        return []
    fitted = Grid(
        "Fusions: fitted on valid lists alone",
        heads(["base", "fusion", "type", "signals", "NDCG@10 on valid"], ["users"]),
        note="The base list and every signal alone stand beside the fusion. What is fitted on valid looks better there "
        "than on test.",
        folded=len(run.fusions) > 12,
    )
    weights = Grid(
        "Fusions: weights and importances",
        heads(["base", "fusion", "signal or feature"], ["weight", "share of gain"]),
        note="Weights of standardised scores (zscore); share of the trees' gain (lambdamart). A weight of 0: the "
        "signal was of no use on valid.",
        folded=sum(len(each.get("importances") or each.get("weights") or {}) for each in run.fusions) > 40,
    )
    for each in run.fusions:
        base = f"{each['base_model']} (seed {each['seed']})" if run.pooled == "all" else each["base_model"]
        signals = "; ".join(filter(None, [", ".join(each["signals"]), each.get("note")]))
        scores = "; ".join(f"{name} {number(value)}" for name, value in (each.get("valid_ndcg") or {}).items())
        fitted.add(
            base, each["reranker"], each["type"], Cell(signals, css="wrap"),
            Cell(scores, css="wrap"), cell(each.get("users_fitted"), count),
        )  # fmt: skip
        for name, value in (each.get("weights") or {}).items():
            weights.add(base, each["reranker"], name, cell(value, number, 3), Cell(""))
        for name, value in sorted((each.get("importances") or {}).items(), key=lambda pair: -pair[1]):
            share = Cell(percent(100 * value, sign=False), value) if known(value) else Cell(MISSING)
            weights.add(base, each["reranker"], name, Cell(""), share)
    return [fitted, weights, gates_grid(run)]


def features_grid(run):
    """Return the features of the run, or None if there are none."""
    table = run.tables["features"]
    if table.empty:
        return None
    columns = ["dimension", "items", "missing", "without_file", "unreadable", "too_large", "parameters"]
    grid = Grid(
        "Item features",
        heads(["encoder", "field", "model", "revision"], [column.replace("_", " ") for column in columns]),
        note="An item without text or picture has a zero vector: it lifts and sinks no candidate.",
    )
    for row in table.to_dict("records"):
        names = [row[key] for key in ("encoder", "field")] + [shown_text(row["model"]), row["revision"]]
        grid.add(*names, *(cell(row[column], count) for column in columns))
    return grid


def audit_grid(run):
    """Return the table of audits and their results."""
    grid = Grid(
        "Audits",
        heads(["audit", "what it checks", "state"], ["rows checked"]),
        note="A failing audit stops this page from being made, and names its rows in the audit's log.",
    )
    for check in run.audit.get("checks", []):
        state = Cell("passed", 1.0, "passed") if check["passed"] else Cell("failed", 0.0, "failed")
        rows = check.get("rows")
        if rows == [] and check["passed"]:  # a check without rows proves nothing
            state = Cell("nothing to look at", 0.5, "dim")
        grid.add(
            check["name"], Cell(check["what"], css="wrap"), state, cell(len(rows) if rows is not None else None, count)
        )
    return grid


def packages_grid():
    """Return the versions of the installed packages."""
    grid = Grid("Versions of packages", heads(["package", "version"]), folded=True)
    for name in PACKAGES:
        try:
            grid.add(name, metadata.version(name))
        except metadata.PackageNotFoundError:
            continue
    return grid
