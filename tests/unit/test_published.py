"""Matrices that were published with a dataset: read, or refused with what is wrong."""

import numpy as np
import pytest

from reelrank.errors import InputError
from reelrank.features.encoders.published import read_matrix


def save(path, matrix):
    """Write a matrix and return its path."""
    np.save(path, matrix)
    return path


def test_a_published_matrix(tmp_path):
    matrix = np.random.default_rng(1).normal(size=(6, 4)).astype(np.float16)
    matrix[2] = 0
    vectors, present = read_matrix(save(tmp_path / "m.npy", matrix), np.array([1, 3, 6]), expected_items=None)
    assert present.tolist() == [True, False, True] and vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[2], matrix[5] / np.linalg.norm(matrix[5].astype(float)), atol=1e-3)
    read_matrix(tmp_path / "m.npy", np.array([1, 3]), expected_items=6)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((5, 4)), "found 5 rows for items with ids 1 to 6"),
        (np.ones((7, 4)), "found 7 rows; expected 6"),
        (np.ones(6), "expected a matrix"),
        (np.full((6, 2), np.nan), "row 0 holds NaN"),
        (np.array([["a"] * 2] * 6), "expected a matrix of numbers"),
    ],
)
def test_a_published_matrix_of_something_else_is_refused(tmp_path, matrix, message):
    with pytest.raises(InputError, match=message):
        read_matrix(save(tmp_path / "m.npy", matrix), np.array([1, 6]))


def test_an_id_that_has_no_row_is_refused(tmp_path):
    save(tmp_path / "m.npy", np.ones((6, 2)))
    for ids in ([0, 6], [1, 9]):
        with pytest.raises(InputError, match=f"6 rows for items with ids {ids[0]} to {ids[1]}"):
            read_matrix(tmp_path / "m.npy", np.array(ids), expected_items=6)


def test_what_is_no_matrix_is_refused(tmp_path):
    (tmp_path / "m.npy").write_bytes(b"<html>404</html>")
    with pytest.raises(InputError, match=r"m.npy: found no NumPy matrix"):
        read_matrix(tmp_path / "m.npy", np.array([1]))
