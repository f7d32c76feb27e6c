"""Score fused lists of some users again with other held-out items, by what the run has fitted, for the audit."""

import contextlib
import logging
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from reelrank import step
from reelrank.audit import rescoring
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import read_lists_of, read_users
from reelrank.files import read_json_gzip, write_json
from reelrank.rerank.fusion import score
from reelrank.rerank.signals.aligned import align
from reelrank.rerank.signals.columns import ColumnStore
from reelrank.rerank.signals.context import load_sources, of_other_interactions


def main(inputs, outputs, fusions, signals, features, words, history, audit_settings):
    """Write one row for each fusion and split.

    Parameters
    ----------
    inputs : dict of str to path or list of path
        Those of the step `fuse`, with the base lists as ``base_valid`` and ``base_test``; ``valid``, ``test`` and
        ``fitted``: its outputs.
    outputs : dict of str to path
        ``rows``.
    fusions, signals, features, words, history
        As in the step `fuse`.
    audit_settings : dict
        ``users``, ``slow_users``, ``seed``, ``threads``.
    """
    wanted = audit_settings
    data = load_interactions(inputs["interactions"], inputs["split"])
    sources = load_sources(inputs, data, features, words, history, wanted["threads"])
    alike = {}  # rungs whose gates left a signal out have the same trees as others: they are scored once
    fitted = [alike.setdefault(Path(path).read_bytes(), read_json_gzip(path)) for path in inputs["fitted"]]
    rows = []
    for split in ("valid", "test"):
        path = inputs[f"base_{split}"]
        held_out = rescoring.audited(data, split, read_users(path), wanted["users"], wanted["seed"])
        base = read_lists_of(path, held_out.users)
        paths = dict(zip(signals, inputs[f"signals_{split}"], strict=True))
        others = of_other_interactions(sources, held_out.other)
        aligned_to = cache(partial(_aligned, base, paths, held_out.users))  # most fusions share their signals
        with contextlib.closing(ColumnStore(sources)) as own, contextlib.closing(ColumnStore(others)) as other:
            stores, caches = (own, other), ({}, {})
            for (name, block), known, path in zip(fusions.items(), fitted, inputs[split], strict=True):
                aligned = aligned_to(block["about"]["depth"], *block["stages"][-1]["signals"])
                if not len(aligned.lists.users):  # the signals cover none of them
                    continue
                material = [
                    {"columns": store, "threads": wanted["threads"], "fitted": shared}
                    for store, shared in zip(stores, caches, strict=True)
                ]
                rows.append(_row(block, name, known, split, held_out, aligned, material, path))
    write_json(outputs["rows"], rows)
    logging.info("%d lists scored again", len(rows))


def _aligned(base, paths, users, depth, *names):
    """Return the signals of these names for some users, aligned to the candidates."""
    return align(base, {name: paths[name] for name in names}, depth, users)


def _row(block, name, fitted, split, held_out, aligned, material, path):
    """Return the row of one fusion and split."""
    about = {**block["about"], "reranker": name}
    lists = aligned.lists
    scores = [score(block["type"], fitted, split, aligned, own) for own in material]
    changed = []
    if fitted.get("stage"):
        values = [own["columns"].values(split, aligned, range(len(lists.users)), fitted["stage"]) for own in material]
        changed = rescoring.changed_columns(lists, fitted["columns"], *values)
    changed += rescoring.changed_scores(lists, *scores)
    again, others = (lists.reordered(found) for found in scores)
    missing = rescoring.not_reproduced(read_lists_of(path, lists.users), again)
    users = replace(held_out, users=lists.users)
    return rescoring.result(about, split, users, others, changed, missing)


step.run(main, snakemake)
