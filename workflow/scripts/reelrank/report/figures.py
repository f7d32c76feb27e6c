"""Figures as SVG, readable in black and white."""

import itertools

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from matplotlib.ticker import MaxNLocator

from reelrank.files import atomic

#: Colours (Okabe & Ito), line styles and markers: lines differ in all three, so that no colour is needed.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def literal(text):
    """Return a text with escaped dollar signs, which matplotlib would read as mathematics."""
    return text.replace("$", r"\$")


def save_svg(figure, path):
    """Write a figure as SVG, atomically and with the same bytes every time."""
    with (
        plt.rc_context({"svg.hashsalt": "reelrank", "svg.fonttype": "none"}),
        atomic(path) as temporary,
    ):
        figure.savefig(temporary, format="svg", metadata={"Date": None}, bbox_inches="tight")
    plt.close(figure)


def grid_of_panels(count, width, height, most=3, **options):
    """Return a figure with `count` panels (size in inches), at most `most` in a row, and its axes as a 2-D array."""
    columns = min(most, count)
    rows = -(-count // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(max(width * columns, 5.0), height * rows),
        squeeze=False,
        layout="constrained",
        **options,
    )
    for axis in axes.flat[count:]:
        axis.set_visible(False)
    if options.get("sharex"):  # a panel above a hidden one needs its own axis labels
        for axis in axes.flat[max(0, count - columns) : count]:
            axis.tick_params(labelbottom=True)
    return figure, axes


def plot_hit_rate(table, path, title):
    """Plot hit rate against n with 95% bands, one panel per base model and seed.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of `reelrank.report.hit_rates.hit_rate_table` of one split.
    path : str or Path
    title : str
    """
    panels = list(table.groupby(["base_model", "seed"], sort=False))
    several_seeds = table["seed"].nunique() > 1
    figure, axes = grid_of_panels(len(panels), width=4.2, height=3.4, sharey=True)
    names = list(dict.fromkeys(table["reranker"]))
    look = {
        name: {"color": colour, "linestyle": style, "marker": marker}
        for name, colour, style, marker in zip(
            names, itertools.cycle(COLOURS), itertools.cycle(STYLES), itertools.cycle(MARKERS), strict=False
        )
    }
    for axis, ((base, seed), lines) in zip(axes.flat, panels, strict=False):
        for name, line in lines.groupby("reranker", sort=False):
            axis.fill_between(line["n"], line["ci_low"], line["ci_high"], color=look[name]["color"], alpha=0.10, lw=0)
            axis.plot(line["n"], line["hit_rate"], label=name, markersize=3.5, markevery=3, lw=1.4, **look[name])
        axis.set_title(f"{base}, seed {seed}" if several_seeds else base, fontsize=10)
        axis.set_xlabel("n")
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.25, lw=0.5)
        axis.set_xlim(table["n"].min(), table["n"].max())
    axes[0, 0].set_ylim(0, 1.05 * max(table["ci_high"].max(), 1e-3))  # over all panels, because they share the axis
    for axis in axes[:, 0]:
        axis.set_ylabel("hit rate at n")
    handles = [plt.Line2D([], [], label=name, markersize=4, **look[name]) for name in names]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(4, len(names)), frameon=False, fontsize=9)
    figure.suptitle(f"{literal(title)}: hit rate of the held-out item, test split", fontsize=11)
    save_svg(figure, path)
