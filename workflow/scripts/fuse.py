"""Fuse a base list with its re-rankings; fusions are fitted only on the valid lists."""

import logging
from functools import cache

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import read_lists, write_lists
from reelrank.files import write_json
from reelrank.rerank.fusion import fuse
from reelrank.rerank.signals.aligned import align, refuse_unfitted, truth_columns
from reelrank.rerank.signals.fitted import description

SPLITS = ("valid", "test")


def main(inputs, outputs, fusions, signals, features, words, history, threads):
    """Make all fusions over one base list.

    Parameters
    ----------
    inputs : dict of str to path or list of path
        ``valid``, ``test`` (base lists), ``interactions``, ``split``, ``item_statistics``, ``catalogue``;
        ``signals_valid``, ``signals_test``: the lists of `signals`; ``matrices``: the matrices of `features`;
        ``texts``: the tables of the source fields of `words`, one field after the other.
    outputs : dict of str to list of path
        ``valid``, ``test`` and ``description``, each in the order of `fusions`.
    fusions : dict of str to dict
        ``type``, ``signals``, ``options``, ``twin_of`` and ``about`` (metadata of the lists) of each fusion.
    signals : list of str
        All re-rankers that are a signal of at least one fusion.
    features : list of (str, str)
        Encoder and field of each feature for similarities.
    words : dict of str to list of str
        Text fields whose words are read, and their source fields.
    history : {'full', 'train_only'}
    threads : int
    """
    data = load_interactions(inputs["interactions"], inputs["split"])
    base = {split: read_lists(inputs[split])[0] for split in SPLITS}
    refuse_unfitted(base["valid"], inputs["valid"])
    matrices = dict(zip(map(tuple, features), inputs.get("matrices", []), strict=True))
    paths = {split: dict(zip(signals, inputs[f"signals_{split}"], strict=True)) for split in SPLITS}
    files = iter(inputs.get("texts", []))
    texts = {field: [(source, next(files)) for source in sources] for field, sources in words.items()}
    material = {"inputs": inputs, "data": data, "matrices": matrices, "history": history, "threads": threads}
    material["texts"] = texts
    material["fitted"] = {}  # a fusion and its twin share fitted models

    @cache  # most fusions share their signals
    def aligned_signals(split, depth, *names):
        """Return the signals of one split, in the order of its candidates."""
        return align(base[split], {name: paths[split][name] for name in names}, depth)

    for row, (name, block) in enumerate(fusions.items()):
        aligned = {split: aligned_signals(split, block["about"]["depth"], *block["signals"]) for split in SPLITS}
        truth = truth_columns(aligned["valid"].lists, data.queries("valid"))
        scores, found = fuse(block["type"], aligned, truth, block["options"], material)
        for split, one in aligned.items():
            about = {**block["about"], "split": split} | ({} if one.asked == "all" else {"users": one.asked})
            write_lists(one.lists.reordered(scores[split]), outputs[split][row], about, base[split])
        fitted = description(name, block, aligned["valid"], truth, scores["valid"], found)
        write_json(outputs["description"][row], fitted)
        logging.info("%s: %s", name, fitted)


step.run(main, snakemake)
