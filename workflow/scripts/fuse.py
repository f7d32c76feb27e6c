"""Fuse a base list and the re-rankings of it, fitted on the valid lists alone."""

import logging
from functools import cache
from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import read_lists, write_lists
from reelrank.files import write_json
from reelrank.rerank.fusion import fuse
from reelrank.rerank.signals.fitted import description
from reelrank.rerank.signals.aligned import align, refuse_unfitted, truth_columns

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

PARTS = ("valid", "test")


def main(inputs, signals, matrices, outputs, fusions, history, threads):
    """Make all fusions over one base list.

    Parameters
    ----------
    inputs : dict of str to path
        ``valid``, ``test`` (base lists), ``interactions``, ``split``, ``item_statistics``, ``catalogue``.
    signals : dict of str to dict of str to path
        The lists of each re-ranker that is a signal, by part.
    matrices : dict of (str, str) to path
        The feature matrices by encoder and field.
    outputs : dict of str to dict of str to path
        ``valid``, ``test`` and ``description`` of each fusion.
    fusions : dict of str to dict
        Of each: ``type``, ``signals``, ``options``, ``twin_of`` and ``about``, its lists' metadata.
    history : {'full', 'train_only'}
    threads : int
    """
    data = load_interactions(inputs["interactions"], inputs["split"])
    base = {part: read_lists(inputs[part])[0] for part in PARTS}
    refuse_unfitted(base["valid"], inputs["valid"])
    material = {"inputs": inputs, "data": data, "matrices": matrices, "history": history, "threads": threads}
    material["fitted"] = {}  # a fusion and its twin have a part in common

    @cache  # fusions mostly share their signals
    def aligned_part(part, depth, *names):
        """Return the signals of one part, in the order of its candidates."""
        return align(base[part], {name: signals[name][part] for name in names}, depth)

    for name, block in fusions.items():
        parts = {part: aligned_part(part, block["about"]["depth"], *block["signals"]) for part in PARTS}
        truth = truth_columns(parts["valid"].lists, data.queries("valid"))
        scores, found = fuse(block["type"], parts, truth, block["options"], material)
        for part in PARTS:
            aligned, about = parts[part], {**block["about"], "split": part}
            about |= {} if aligned.asked == "all" else {"users": aligned.asked}
            write_lists(aligned.lists.reordered(scores[part]), outputs[name][part], about, base[part])
        told = description(name, block, parts["valid"], truth, scores["valid"], found)
        write_json(outputs[name]["description"], told)
        logging.info("%s: %s", name, told)


if __name__ == "__main__":
    step.start(snakemake.log)
    chosen = snakemake.params.fusions
    lists = {part: snakemake.input.get(f"signals_{part}", []) for part in PARTS}
    main(
        dict(snakemake.input.items()),
        {name: {part: lists[part][row] for part in PARTS} for row, name in enumerate(snakemake.params.signals)},
        dict(zip(map(tuple, snakemake.params.features), snakemake.input.get("matrices", []), strict=True)),
        {name: {key: paths[row] for key, paths in snakemake.output.items()} for row, name in enumerate(chosen)},
        chosen,
        snakemake.params.history,
        snakemake.params.threads,
    )
