"""Figures of re-ranking: effects, moved ranks, gain against cost, slices."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from reelrank.report.detail_tables import cost_rows, label, shown_lists
from reelrank.report.figures import COLOURS, MARKERS, grid_of_panels, literal, save_svg
from reelrank.report.headline import LEVEL, choose, effect, valid_ndcg
from reelrank.report.result_tables import ladder_rows, step_label
from reelrank.report.values import known

#: Lower ends of the heat map's bins of ranks: 1, 2, 3, 4-5, ...
EDGES = (1, 2, 3, 4, 6, 11, 21, 51, 101)

#: Limits that keep a figure readable; the tables hold the rest.
MOST_PANELS, MOST_LINES = 9, 9


def shown_bases(run):
    """Return the base models that figures show, in config order: all, or the best on valid if there are too many."""
    values = valid_ndcg(run)
    names = run.config["run"]["base_models"]
    best = sorted(names, key=lambda base: -max([v for (b, _), v in values.items() if b == base], default=-1))
    return [base for base in names if base in best[:MOST_PANELS]]


def shown_rerankers(run, most=MOST_LINES):
    """Return the re-rankers that figures show, in config order: base, controls and the best on valid.

    Controls that the workflow added, with permuted vectors, stand in the ladder alone.
    """
    values = valid_ndcg(run)
    kinds = run.kinds
    asked = [name for name in run.rerankers if "control_of" not in run.config["rerankers"][name]]
    always = [name for name in asked if kinds.get(name) in ("base", "control")]
    others = [name for name in asked if kinds.get(name) not in ("base", "control", None)]

    def best(name):
        """Return the largest value of a re-ranker over all base lists."""
        return max([value for (_, other), value in values.items() if other == name], default=-1)

    kept = {*always, *sorted(others, key=best, reverse=True)[: max(0, most - len(always))]}
    return [name for name in run.rerankers if name in kept]


def nothing_to_show(path, reason):
    """Write a figure that says why it is empty, because a missing file would stop the report."""
    figure, axis = plt.subplots(figsize=(6, 1.2), layout="constrained")
    axis.text(0.5, 0.5, reason, ha="center", va="center", fontsize=10)
    axis.set_axis_off()
    save_svg(figure, path)


def plot_effects(run, path):
    """Plot the difference in NDCG@n of each re-ranker and its base list, with 95% intervals, one panel per base model.

    A marker is filled if the p-value adjusted by Holm is below .05, else open.
    """
    names = [name for name in shown_rerankers(run, 15) if name != "identity"]
    bases = shown_bases(run)
    if not names or run.tables["effects"].empty:
        return nothing_to_show(path, "No re-ranker ran beside the base lists.")
    figure, axes = grid_of_panels(len(bases), width=4.0, height=0.8 + 0.26 * len(names), sharex=True, sharey=True)
    for axis, base in zip(axes.flat, bases, strict=False):
        axis.axvline(0, color="black", lw=0.8)
        for place, name in enumerate(names):
            row = effect(run, base, name, metric="ndcg")
            if row is None or not known(row["difference"]):
                continue
            sure = known(row["p_adjusted"]) and row["p_adjusted"] < LEVEL
            low, high = row["difference_low"], row["difference_high"]
            if known(low) and known(high):
                axis.plot([low, high], [place, place], color="black", lw=1.2)
            axis.plot(row["difference"], place, "o", ms=5, color="black", mfc="black" if sure else "white")
        axis.set_title(base, fontsize=10)
        axis.set_yticks(range(len(names)), names, fontsize=8)
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.tick_params(axis="x", labelsize=8)
        axis.grid(axis="x", alpha=0.25, lw=0.5)
        axis.set_xlabel(f"difference in NDCG@{run.n}", fontsize=9)
    axes[0, 0].set_ylim(len(names) - 0.5, -0.5)
    figure.suptitle(f"{literal(run.title)}: effects against the base list, test split", fontsize=11)
    save_svg(figure, path)


def plot_ladder(run, path):
    """Plot the relative change of NDCG@n of each rung against those below, with 95% intervals, one panel per step.

    The steps of item inputs and of the fusion that is best on valid are shown, by base model. A marker is filled if
    the p-value adjusted by Holm is below .05, else open.
    """
    rows = ladder_rows(run, ["ndcg"])
    rows = rows[rows["relative_percent"].notna() & rows["base_model"].isin(shown_bases(run))]
    of = rows["reranker"].map(lambda name: _ladder_of(run, name))
    rows = rows[(rows["place"] == "item_input") | (of == _best_ladder(run))]
    if rows.empty:
        return nothing_to_show(path, "No list of the run has rungs.")
    bases = [base for base in shown_bases(run) if (rows["base_model"] == base).any()]
    panels = {}
    for row in rows.to_dict("records"):
        panels.setdefault(step_label(run, row), []).append(row)
    height = 0.85 + 0.24 * len(bases)
    figure, axes = grid_of_panels(len(panels), width=3.5, height=height, most=2, sharex=True, sharey=True)
    for axis, (step, shown) in zip(axes.flat, panels.items(), strict=False):
        axis.axvline(0, color="black", lw=0.8)
        for row in shown:
            place, sure = bases.index(row["base_model"]), known(row["p_adjusted"]) and row["p_adjusted"] < LEVEL
            if known(row["relative_low"]) and known(row["relative_high"]):
                axis.plot([row["relative_low"], row["relative_high"]], [place, place], color="black", lw=1.2)
            axis.plot(row["relative_percent"], place, "o", ms=5, color="black", mfc="black" if sure else "white")
        axis.set_title(literal(step), fontsize=9)
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.tick_params(labelsize=8)
        axis.grid(axis="x", alpha=0.25, lw=0.5)
    axes[0, 0].set_yticks(range(len(bases)), [literal(base) for base in bases])
    axes[0, 0].set_ylim(len(bases) - 0.5, -0.5)
    figure.supxlabel(f"change of NDCG@{run.n} (%), test split", fontsize=9)
    save_svg(figure, path)


def _ladder_of(run, name):
    """Return the fusion that a re-ranker is a rung of, or None."""
    return run.config["rerankers"][name].get("rung_of")


def _best_ladder(run):
    """Return the fusion with several rungs whose list is the best on valid over any base model, or None."""
    fusions = {_ladder_of(run, name) for name in run.rerankers if _ladder_of(run, name) != name}
    values = {key: value for key, value in valid_ndcg(run).items() if key[1] in fusions}
    return max(values, key=values.get)[1] if values else None


def moved_counts(base_rank, rank):
    """Return user counts by rank of the held-out item before (rows) and after re-ranking (columns), in bins of `EDGES`.

    Parameters
    ----------
    base_rank, rank : numpy.ndarray
        ``(users,)``, 0 if the held-out item is not in the list; such users are left out.

    Returns
    -------
    numpy.ndarray
        ``(bins, bins)`` int64; ranks beyond the last edge are in the last bin.
    """
    inside = (base_rank > 0) & (rank > 0)
    bins = [
        np.clip(np.searchsorted(EDGES, values[inside], "right") - 1, 0, len(EDGES) - 2) for values in (base_rank, rank)
    ]
    counts = np.zeros((len(EDGES) - 1,) * 2, np.int64)
    np.add.at(counts, tuple(bins), 1)
    return counts


def bin_labels():
    """Return the ranks of each bin as text: ``1``, ``4-5``."""
    return [str(low) if high == low + 1 else f"{low}–{high - 1}" for low, high in itertools.pairwise(EDGES)]


def plot_rank_movement(run, path):
    """Plot the rank of the held-out item before and after re-ranking, over one base model."""
    base, names = shown_lists(run, choose(run))
    names = [name for name in names if name != "identity"][:4]
    seed = str(run.config["run"]["seeds"][0])
    if not names or ("test", base, seed, "identity") not in run.ranks:
        return nothing_to_show(path, "No re-ranker ran beside the base lists.")
    figure, axes = grid_of_panels(len(names), width=4.0, height=3.9, most=2)
    base_rank = run.ranks["test", base, seed, "identity"][0]["rank"]
    for axis, name in zip(axes.flat, names, strict=False):
        rank = run.ranks["test", base, seed, name][0]["rank"]
        both = rank.index.intersection(base_rank.index)
        counts = moved_counts(base_rank[both].to_numpy(), rank[both].to_numpy())
        _heat(axis, counts)
        axis.set_title(f"{name} over {base}", fontsize=10)
        axis.set_xlabel("rank after re-ranking", fontsize=9)
        axis.set_ylabel("rank in the base list", fontsize=9)
    figure.suptitle(f"{literal(run.title)}: where the held-out item moves, test split (users)", fontsize=11)
    save_svg(figure, path)


def _heat(axis, counts):
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = len(counts)
    axis.pcolormesh(share, cmap="Greys", vmin=0, vmax=1, edgecolors="white", linewidth=0.5)
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if share[row, column] > 0.5 else "black"
        axis.text(column + 0.5, row + 0.5, counts[row, column], ha="center", va="center", fontsize=7, color=colour)
    axis.plot([0, size], [0, size], color="black", lw=0.6, ls=":")
    axis.set_xticks(np.arange(size) + 0.5, bin_labels(), fontsize=7, rotation=45)
    axis.set_yticks(np.arange(size) + 0.5, bin_labels(), fontsize=7)
    axis.set_ylim(size, 0)
    axis.set_xlim(0, size)


def plot_gain_against_cost(run, jobs, path):
    """Plot the difference in NDCG@n against cost per 1,000 users: dollars, or seconds if nothing was paid."""
    choice = choose(run)
    base = choice.base_model if choice else run.config["run"]["base_models"][0]
    rows = [row for row in cost_rows(run, jobs) if row["base_model"] == base]
    paid = any(known(row["usd"]) and row["usd"] > 0 for row in rows)
    points = []
    for row in (
        rows if run.pooled != "all" else [row for row in rows if row["seed"] == str(run.config["run"]["seeds"][0])]
    ):
        found = effect(run, base, row["reranker"], metric="ndcg")
        cost = 1000 * (row["usd"] or 0) / row["users"] if paid and row["users"] else row["seconds_per_1000"]
        if found and known(found["difference"]) and known(cost):
            points.append((row["reranker"], float(cost), found))
    if not points:
        return nothing_to_show(path, "No cost was measured.")
    figure, axis = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
    axis.axhline(0, color="black", lw=0.8)
    for place, (name, cost, found) in enumerate(points):
        look = {"color": COLOURS[place % len(COLOURS)], "marker": MARKERS[place % len(MARKERS)]}
        low, high = found["difference_low"], found["difference_high"]
        if known(low) and known(high):
            axis.plot([cost, cost], [low, high], color=look["color"], lw=1)
        axis.plot(cost, found["difference"], ms=6, ls="", label=name, **look)
    if paid:
        axis.set_xscale("symlog", linthresh=0.01)
        axis.set_xlim(left=-0.001)
    else:
        axis.set_xscale("log")
    axis.set_xlabel("US dollars per 1,000 users" if paid else "seconds of the re-ranking job per 1,000 users")
    axis.set_ylabel(f"difference in NDCG@{run.n}")
    axis.grid(alpha=0.25, lw=0.5)
    figure.legend(loc="outside right upper", frameon=False, fontsize=8)
    axis.set_title(f"{literal(run.title)}: gain over {base} against cost, test split", fontsize=10)
    save_svg(figure, path)


def plot_slices(run, path):
    """Plot the headline's difference in hit rate by slice, one panel per kind of slice; small slices are grey."""
    choice = choose(run)
    table = run.tables["slices"]
    if choice is None or table.empty:
        return nothing_to_show(path, "There are no slices to show.")
    rows = table[
        (table["base_model"] == choice.base_model) & (table["reranker"] == choice.reranker) & (table["n"] == run.n)
    ]
    seeds = set(rows["seed"])
    rows = rows[rows["seed"] == ("all" if "all" in seeds else min(seeds, default=""))]
    kinds = list(dict.fromkeys(rows["slice_by"]))[:MOST_PANELS]
    if not kinds:
        return nothing_to_show(path, "There are no slices to show.")
    tallest = max((rows["slice_by"] == kind).sum() for kind in kinds)
    figure, axes = grid_of_panels(len(kinds), width=4.0, height=1.0 + 0.24 * tallest)
    for axis, kind in zip(axes.flat, kinds, strict=False):
        shown = rows[rows["slice_by"] == kind].sort_values("position", kind="stable").to_dict("records")
        axis.axvline(0, color="black", lw=0.8)
        for place, row in enumerate(shown):
            colour = "#999999" if row["small"] else "black"
            axis.plot([row["difference_low"], row["difference_high"]], [place, place], color=colour, lw=1.2)
            axis.plot(row["difference"], place, "o", ms=5, color=colour, mfc="white" if row["small"] else colour)
        axis.set_yticks(
            range(len(shown)), [f"{literal(row['slice'])} ({row['users']:.0f})" for row in shown], fontsize=8
        )
        axis.set_ylim(len(shown) - 0.5, -0.5)
        axis.set_title(literal(label(kind)), fontsize=10)
        axis.set_xlabel(f"difference in HR@{run.n}", fontsize=9)
        axis.xaxis.set_major_locator(MaxNLocator(5))
        axis.tick_params(axis="x", labelsize=8)
        axis.grid(axis="x", alpha=0.25, lw=0.5)
    figure.suptitle(
        f"{literal(run.title)}: {choice.reranker} over {choice.base_model} by slice (users), test split", fontsize=11
    )
    save_svg(figure, path)
