"""Peak memory and time of `prepare` at any size: ``INTERACTIONS=50000000 COMMENTS=1 pytest -s`` this file."""

import os
import time

import pytest
from scale_data import prepare_raw, write_raw
from speed import in_a_process

#: The promise: 50 million interactions in 4 GB.
BYTES_PER_ROW, START = 70, 350 * 2**20


@pytest.mark.parametrize("fields", [[], ["comments"]], ids=["interactions", "with_comments"])
def test_memory_of_prepare(tmp_path, fields):
    n_rows = int(os.environ.get("INTERACTIONS", 1_000_000))
    if fields and n_rows > 10_000_000 and not os.environ.get("COMMENTS"):
        pytest.skip("COMMENTS=1 prepares comments at this size too")
    write_raw(
        {"interactions": tmp_path / "pairs.csv", "comments": tmp_path / "comments.txt"},
        n_rows,
        max(1000, n_rows // 125),
    )
    started = time.perf_counter()
    _, memory = in_a_process(prepare_raw, tmp_path, fields, timeout=7200)
    seconds = time.perf_counter() - started
    for path in tmp_path.iterdir():
        path.unlink()
    print(f"\nprepare, {n_rows:,} interactions, {fields or 'no comments'}: {memory:.0f} MiB, {seconds:.1f} s")
    assert memory * 2**20 < START + BYTES_PER_ROW * n_rows
