"""Fuse a base list with its re-rankings; fusions are fitted only on the valid lists."""

import contextlib
import logging
from functools import cache

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import read_lists, write_lists
from reelrank.files import write_json, write_json_gzip
from reelrank.rerank.fusion import fit, score
from reelrank.rerank.signals.aligned import align, refuse_unfitted, truth_columns
from reelrank.rerank.signals.columns import ColumnStore
from reelrank.rerank.signals.context import load_sources
from reelrank.rerank.signals.fitted import description

SPLITS = ("valid", "test")


def main(inputs, outputs, fusions, signals, features, words, history, threads):
    """Make all fusions over one base list.

    Parameters
    ----------
    inputs : dict of str to path or list of path
        ``valid``, ``test`` (base lists), ``interactions``, ``split``, ``item_statistics``, ``catalogue``;
        ``signals_valid``, ``signals_test``: the lists of `signals`; ``matrices``: the matrices of `features`;
        ``texts``: the tables of `words`, one for each source field.
    outputs : dict of str to list of path
        ``valid``, ``test``, ``description`` and ``fitted`` (what scores the lists), each in the order of `fusions`.
    fusions : dict of str to dict
        ``type``, ``stages``, ``options``, ``rung``, ``rung_of`` and ``about`` (metadata of the lists) of each fusion.
    signals : list of str
        All re-rankers that are a signal of at least one fusion.
    features : list of (str, str)
        Encoder and field of each feature for similarities.
    words : dict of str to list of str
        For each field whose words are compared, the fields that it is joined from.
    history : {'full', 'train_only'}
    threads : int
    """
    data = load_interactions(inputs["interactions"], inputs["split"])
    base = {split: read_lists(inputs[split])[0] for split in SPLITS}
    refuse_unfitted(base["valid"], inputs["valid"])
    paths = {split: dict(zip(signals, inputs[f"signals_{split}"], strict=True)) for split in SPLITS}
    sources = load_sources(inputs, data, features, words, history, threads)

    @cache  # most fusions share their signals
    def aligned_signals(split, depth, *names):
        """Return the signals of one split, in the order of its candidates."""
        return align(base[split], {name: paths[split][name] for name in names}, depth)

    with contextlib.closing(ColumnStore(sources)) as columns:
        material = {"columns": columns, "threads": threads, "fitted": {}}
        for row, (name, block) in enumerate(fusions.items()):
            own = block["stages"][-1]["signals"]
            aligned = {split: aligned_signals(split, block["about"]["depth"], *own) for split in SPLITS}
            truth = truth_columns(aligned["valid"].lists, data.queries("valid"))
            kind, valid = block["type"], aligned["valid"]
            fitted, found = fit(kind, valid, truth, block["options"], block["stages"], material)
            scores = {split: score(kind, fitted, split, one, material) for split, one in aligned.items()}
            for split, one in aligned.items():
                about = {**block["about"], "split": split} | ({} if one.asked == "all" else {"users": one.asked})
                write_lists(one.lists.reordered(scores[split]), outputs[split][row], about, base[split])
            write_json_gzip(outputs["fitted"][row], fitted)
            told = description(name, block, valid, truth, scores["valid"], found)
            write_json(outputs["description"][row], told)
            logging.info("%s: %s", name, told)


step.run(main, snakemake)
