"""Peak memory and processor time of `fuse` at any size: ``USERS=1000000 pytest -s`` this file."""

import os
import time

import fuse
import numpy as np
import pytest
from fuse_fixture import fuse_arguments, tables
from planted import ABOUT
from speed import in_a_process

from reelrank.config.schema import options as complete_options
from reelrank.data.interactions import Interactions
from reelrank.data.lists import RankedLists, write_lists
from reelrank.data.splits import leave_one_out

N_ITEMS, PER_USER, DEPTH, SIGNALS, HITS = 2000, 7, 100, "abcd", 0.25
PARTS = ("valid", "test")

#: Bytes that an entry of a list may take: those of two parts' base lists, and of their signals' scores and ranks.
BYTES_PER_ENTRY, START = 2 * (8 + 6 * (len(SIGNALS) + 1)) + 60, 600 * 2**20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with base lists 100 deep, of which a quarter holds the held-out item, and four signals."""
    folder, n = tmp_path_factory.mktemp("lists"), int(os.environ.get("USERS", 20_000))
    items = (np.arange(n * PER_USER, dtype=np.int64) * 7919 % N_ITEMS).astype(np.int32)
    codes, _ = leave_one_out(np.repeat(np.arange(n), PER_USER))
    starts = np.arange(0, n * PER_USER + 1, PER_USER)
    data = Interactions(n, N_ITEMS, items, starts, np.asarray(codes, np.int8))
    tables(folder, data)
    rng = np.random.default_rng(1)
    for part in PARTS:
        lists = ((rng.integers(0, N_ITEMS, (n, 1), np.int32) + np.arange(DEPTH, dtype=np.int32)) % N_ITEMS).astype(
            np.int32
        )
        targets = data.queries(part).targets
        rows = np.flatnonzero((rng.random(n) < HITS) & (lists != targets[:, None]).all(1))
        lists[rows, rng.integers(0, DEPTH, len(rows))] = targets[rows]
        base = RankedLists(np.arange(n, dtype=np.int32), lists, np.tile(-np.arange(DEPTH, dtype=np.float32), (n, 1)))
        write_lists(base, folder / f"{part}.parquet", {**ABOUT, "split": part, "kind": "base", "depth": DEPTH})
        for name in SIGNALS:
            ranked = base.reordered(rng.random((n, DEPTH), np.float32))
            write_lists(ranked, folder / f"{name}.{part}.parquet", {**ABOUT, "split": part, "depth": DEPTH})
    return folder, n


def fused(folder, kind):
    """Make one fusion; return the processor time in seconds."""
    names = ("interactions", "split", "item_statistics", "catalogue", *PARTS)
    inputs = {name: folder / f"{name}.parquet" for name in names}
    signals = {name: {part: folder / f"{name}.{part}.parquet" for part in PARTS} for name in SIGNALS}
    outputs = {kind: {key: folder / f"{kind}.{key}" for key in (*PARTS, "description", "fitted")}}
    about = {**ABOUT, "reranker": kind, "kind": "fusion", "depth": DEPTH}
    given = complete_options("rerankers", kind)
    columns = {key: [] for key in ("similarities", "words") if key in given}
    block = {
        "type": kind,
        "stages": [{"signals": list(SIGNALS), **columns}],
        "options": {key: given[key] for key in given if key not in ("signals", "similarities", "words", "depth")},
        "rung": "no_text",
        "rung_of": kind,
        "about": about,
    }
    started = time.process_time()
    fuse.main(**fuse_arguments(inputs, signals, outputs), fusions={kind: block}, history="full", threads=1)
    return time.process_time() - started


@pytest.mark.parametrize("kind", ["rrf", "zscore", "lambdamart"])
def test_memory_of_fuse(folder, kind):
    path, n = folder
    seconds, memory = in_a_process(fused, path, kind, timeout=7200)
    print(f"\nfuse, {kind}, {n:,} users x {DEPTH} x {len(SIGNALS)} signals: {memory:,.0f} MiB, {seconds:.0f} s")
    training = 2**30 if kind == "lambdamart" else 0  # at most training_users are learned from
    assert memory * 2**20 < START + BYTES_PER_ENTRY * n * DEPTH + training
