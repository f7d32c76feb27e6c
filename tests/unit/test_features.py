"""Features on disk: shards, what they are of, and what a kill leaves."""

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelrank.errors import InputError
from reelrank.features.matrices import centred, gather_shards, read_features, write_features, write_shard
from reelrank.sharding import shard_range

ABOUT = {"encoder": "e", "field": "title", "model": "m", "counts": {"texts": 1}}


@given(st.integers(0, 50), st.integers(1, 12))
def test_shards_cover_every_item_once(n_items, shards):
    ranges = [shard_range(n_items, number, shards) for number in range(1, shards + 1)]
    assert [item for start, stop in ranges for item in range(start, stop)] == list(range(n_items))
    assert max(stop - start for start, stop in ranges) - min(stop - start for start, stop in ranges) <= 1


def shards_of(folder, n_items=7, shards=3, about=ABOUT):
    """Write shards of a matrix; return their paths, the matrix and the mask."""
    vectors = np.random.default_rng(1).normal(size=(n_items, 3)).astype(np.float32)
    present = np.arange(n_items) != 4
    paths = []
    for number in range(1, shards + 1):
        start, stop = shard_range(n_items, number, shards)
        paths.append(folder / f"{number}-of-{shards}.npz")
        write_shard(paths[-1], vectors[start:stop], present[start:stop], start, n_items, about)
    return paths, vectors, present


def test_shards_are_gathered_in_order(tmp_path):
    paths, vectors, present = shards_of(tmp_path)
    found, mask, about = gather_shards(paths[::-1], "e", "title")
    np.testing.assert_array_equal(found, vectors)
    np.testing.assert_array_equal(mask, present)
    assert about["counts"] == {"texts": 3} and about["model"] == "m"
    write_features(tmp_path / "title.npy", found, mask, about)
    again, mask = read_features(tmp_path / "title.npy", 7, "e", "title")
    np.testing.assert_array_equal(again, vectors)
    np.testing.assert_array_equal(mask, present)


@given(st.integers(0, 12), st.integers(0, 5))
def test_centred_vectors_have_the_mean_taken_away(n_items, seed):
    rng = np.random.default_rng(seed)
    vectors = (rng.normal(size=(n_items, 3)) + 20).astype(np.float32)  # as e5: all in one direction
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    present = rng.random(n_items) < 0.7
    vectors[~present] = 0
    found, mask = centred(vectors, present)
    assert found.shape == vectors.shape and found.dtype == np.float32
    if present.sum() < 2:
        assert not mask.any() and not found.any(), "one vector is its own mean"
        return
    assert (mask == present).all() and not found[~present].any()
    np.testing.assert_allclose(np.linalg.norm(found[present], axis=1), 1, atol=1e-5)
    moved = vectors[present].astype(float) - vectors[present].astype(float).mean(0)
    np.testing.assert_allclose(found[present], moved / np.linalg.norm(moved, axis=1, keepdims=True), atol=1e-3)
    assert (found[present] @ found[present].T).min() < 0 < (vectors[present] @ vectors[present].T).min()


def test_shards_without_an_item_are_gathered_in_any_order(tmp_path):
    paths, vectors, _ = shards_of(tmp_path, n_items=2, shards=5)
    np.testing.assert_array_equal(gather_shards(paths[::-1], "e", "title")[0], vectors)


def test_shards_that_do_not_fit_are_refused(tmp_path):
    paths, _, _ = shards_of(tmp_path)
    for wrong, message in [
        (paths[:2], "found 4 items in all shards; expected 7"),
        (paths[1:], "starts at item 2; expected item 0"),
    ]:
        with pytest.raises(InputError, match=message):
            gather_shards(wrong, "e", "title")
    with pytest.raises(InputError, match=r"expected .*'encoder': 'other'"):
        gather_shards(paths, "other", "title")
    (tmp_path / "new").mkdir()
    others, _, _ = shards_of(tmp_path / "new", about={**ABOUT, "model": "n"})
    with pytest.raises(InputError, match="found a shard of"):
        gather_shards([paths[0], *others[1:]], "e", "title")


def test_features_of_something_else_are_refused(tmp_path):
    write_features(tmp_path / "title.npy", np.ones((4, 2), np.float32), np.ones(4, bool), ABOUT)
    for arguments, message in [
        ((5,), r"shape \(4, 2\); expected 5 rows"),
        ((4, "other"), "encoder 'e' in the description; expected 'other'"),
        ((4, "e", "cover"), "field 'title' in the description; expected 'cover'"),
    ]:
        with pytest.raises(InputError, match=message):
            read_features(tmp_path / "title.npy", *arguments)
    with pytest.raises(InputError, match="does not exist"):
        read_features(tmp_path / "cover.npy", 4)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (b"", r"title.npy: found no NumPy array"),
        (b"PK\x03\x04 no archive", "title.npy: found no NumPy array"),
        (b"user,item", "title.npy: found no NumPy array"),
        (np.array([[1, None]] * 4, object), "title.npy: found no NumPy array"),
        (np.array([["a"]] * 4), "title.npy: found dtype <U1; expected an array of numbers"),
        ({"a": np.ones((4, 2))}, "title.npy: found an archive"),
        (np.ones((4, 0), np.float32), r"title.npy: found a matrix of shape \(4, 0\)"),
        (np.float32(1), r"title.npy: found a matrix of shape \(\)"),
        (np.array([[1.0, 1]] * 3 + [[1, np.nan]]), "title.npy: row 3: found NaN or infinity"),
        (np.array([[1.0, 1]] * 2 + [[1e300, 1]] * 2), "title.npy: row 2: found NaN or infinity"),
    ],
)
def test_a_matrix_that_is_none_is_refused(tmp_path, matrix, message):
    path = tmp_path / "title.npy"
    write_features(path, np.ones((4, 2), np.float32), np.ones(4, bool), ABOUT)
    if isinstance(matrix, bytes):
        path.write_bytes(matrix)
    else:
        with open(path, "wb") as stream:
            np.savez(stream, **matrix) if isinstance(matrix, dict) else np.save(stream, matrix)
    with pytest.raises(InputError, match=message):
        read_features(path, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "title.json: the description of the feature matrix does not exist"),
        ("", "title.json: found no JSON"),
        ("\udcff", "title.json: found no JSON"),
        ("[1]", r"title.json: found \[1\]; expected the description"),
        ('{"dimension": 2}', "title.json: found None as missing; expected items from 0 to 3"),
        ('{"dimension": 2, "missing": [4]}', r"title.json: found \[4\] as missing"),
        ('{"dimension": 2, "missing": [-1]}', r"title.json: found \[-1\] as missing"),
        ('{"dimension": 2, "missing": [true]}', r"title.json: found \[True\] as missing"),
        ('{"dimension": 2, "missing": "1"}', "title.json: found 1 as missing"),
    ],
)
def test_a_description_that_is_none_is_refused(tmp_path, text, message):
    path = tmp_path / "title.npy"
    write_features(path, np.ones((4, 2), np.float32), np.ones(4, bool), ABOUT)
    path.with_suffix(".json").unlink()
    if text is not None:
        path.with_suffix(".json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=message):
        read_features(path, 4)


@pytest.mark.parametrize("dtype", [np.float16, np.float64, np.int64])
def test_numbers_of_any_kind_are_read_as_float32(tmp_path, dtype):
    write_features(tmp_path / "title.npy", np.ones((4, 2), np.float32), np.ones(4, bool), ABOUT)
    np.save(tmp_path / "title.npy", np.full((4, 2), 3, dtype))
    vectors, _ = read_features(tmp_path / "title.npy", 4)
    assert vectors.dtype == np.float32 and (vectors == 3).all()


SCRIPT = """
import sys, time
sys.path.append(sys.argv[1])
import numpy as np
from pathlib import Path
from reelrank.features.matrices import gather_shards, write_features, write_shard
from reelrank.sharding import shard_range
folder, n, shards = Path(sys.argv[2]), 40000, 6
print("started", flush=True)
for number in range(1, shards + 1):
    path = folder / f"{number}.npz"
    if path.exists():
        continue
    start, stop = shard_range(n, number, shards)
    vectors = np.random.default_rng(number).normal(size=(stop - start, 64)).astype(np.float32)
    write_shard(path, vectors, vectors[:, 0] > -2, start, n, {"encoder": "e", "field": "f"})
write_features(folder / "f.npy", *gather_shards([folder / f"{i}.npz" for i in range(1, shards + 1)], "e", "f"))
"""


def extraction(folder):
    """Start an extraction that leaves out the shards that are there."""
    scripts = Path(__file__).parents[2] / "workflow" / "scripts"
    command = [sys.executable, "-c", SCRIPT, str(scripts), str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    process.stdout.readline()
    return process


def test_a_killed_extraction_ends_with_the_same_bytes(tmp_path):
    (tmp_path / "whole").mkdir()
    assert extraction(tmp_path / "whole").wait(60) == 0
    expected = {name: (tmp_path / "whole" / name).read_bytes() for name in ("f.npy", "f.json")}
    rng, killed = random.Random(1), 0
    for moment in range(3):
        folder = tmp_path / str(moment)
        folder.mkdir()
        process = extraction(folder)
        time.sleep(rng.uniform(0, 0.15))
        killed += process.poll() is None
        process.kill()  # nothing happens if it has ended by itself
        process.wait()
        assert extraction(folder).wait(60) == 0
        assert {name: (folder / name).read_bytes() for name in expected} == expected
        assert not [path for path in folder.iterdir() if ".tmp" in path.name]
    assert killed, "no kill came in the middle"
