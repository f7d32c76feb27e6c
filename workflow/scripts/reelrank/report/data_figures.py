"""Figures of the data and of the training of base models."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.ticker import MaxNLocator

from reelrank.report.effect_figures import nothing_to_show, shown_bases
from reelrank.report.figures import grid_of_panels, literal, save_svg


def plot_training(run, path):
    """Plot loss (dashed) and NDCG on valid (solid) by epoch, a panel per base model, a line per training seed."""
    shown = [entry for entry in run.training if len(entry["epochs"]) > 1]
    bases = [base for base in shown_bases(run) if any(entry["base_model"] == base for entry in shown)]
    if not bases:
        return nothing_to_show(path, "No base model of this run trains by epochs.")
    figure, axes = grid_of_panels(len(bases), width=4.2, height=3.0)
    for axis, base in zip(axes.flat, bases, strict=False):
        right = axis.twinx()
        for entry in [entry for entry in shown if entry["base_model"] == base]:
            epochs = entry["epochs"]
            axis.plot(epochs["epoch"], epochs["valid_ndcg"], "o-", color="#0072B2", ms=3, lw=1.4)
            right.plot(epochs["epoch"], epochs["loss"], "--", color="#D55E00", lw=1.2)
        axis.set_title(base, fontsize=10)
        axis.set_xlabel("epoch", fontsize=9)
        axis.set_ylabel("NDCG on valid (solid)", fontsize=9)
        right.set_ylabel("training loss (dashed)", fontsize=9)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        for each in (axis, right):
            each.tick_params(labelsize=8)
        axis.grid(alpha=0.25, lw=0.5)
    figure.suptitle(f"{literal(run.title)}: training of the base models", fontsize=11)
    save_svg(figure, path)


def plot_data(run, path):
    """Plot training interactions by popularity rank of the item (both axes logarithmic), and lengths of histories."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.3), layout="constrained")
    popularity = np.sort(run.popularity)[::-1]
    seen = popularity[popularity > 0]
    keep = np.unique(np.geomspace(1, max(len(seen), 1), 300).astype(int)) - 1  # evenly spread on the log axis
    if len(seen):
        left.loglog(keep + 1, seen[keep], ".", color="black", ms=4)
    left.set_xlabel(f"items, most popular first ({len(popularity) - len(seen)} of {len(popularity)} never in training)")
    left.set_ylabel("training interactions")
    left.set_title("popularity", fontsize=10)
    longest = int(np.quantile(run.lengths, 0.99)) if len(run.lengths) else 1
    lengths = np.minimum(run.lengths, longest)
    right.hist(lengths, bins=min(40, max(1, longest - int(lengths.min(initial=longest)) + 1)), color="#777777")
    right.set_xlabel(f"interactions of a user (the longest 1% at {longest})")
    right.set_ylabel("users")
    right.set_title("length of histories", fontsize=10)
    for axis in (left, right):
        axis.grid(alpha=0.25, lw=0.5)
        axis.tick_params(labelsize=8)
        axis.xaxis.label.set_size(9)
    figure.suptitle(f"{literal(run.title)}: the data", fontsize=11)
    save_svg(figure, path)
