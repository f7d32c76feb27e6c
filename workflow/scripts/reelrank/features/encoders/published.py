"""Published feature matrices: they are read and checked, not computed."""

import numpy as np

from reelrank.errors import InputError
from reelrank.features.matrices import unit_rows


def read_matrix(path, item_ids, expected_items=None):
    """Read a published matrix in MicroLens' layout: row i belongs to the item with id i + 1.

    Parameters
    ----------
    path : str or Path
        ``.npy`` of numbers, ``(n_rows, dimension)``.
    item_ids : sequence of str or int
        Item ids, whole numbers, ordered by item index.
    expected_items : int, optional
        Published number of items of the dataset.

    Returns
    -------
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32, unit rows; zero where the published row is zero.
    present : numpy.ndarray
        ``(n_items,)`` bool.

    Raises
    ------
    InputError
        If the file is not a matrix of numbers, holds NaN, or does not have one row per item of the dataset.
    """
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{path}: cannot read the published matrix ({error.strerror})") from error
        raise InputError(f"{path}: found no NumPy matrix ({error}); expected a .npy file of numbers") from error
    if matrix.ndim != 2 or not np.issubdtype(matrix.dtype, np.number):
        raise InputError(f"{path}: found shape {matrix.shape} of {matrix.dtype}; expected a matrix of numbers")
    item_ids = np.array([int(item_id) for item_id in item_ids])
    last = int(item_ids.max())
    if int(item_ids.min()) < 1 or last > len(matrix):
        raise InputError(
            f"{path}: found {len(matrix)} rows for items with ids {int(item_ids.min())} to {last}; expected row i to "
            f"belong to id i + 1, so {last} rows or more, and ids from 1"
        )
    expected = sorted({last, expected_items or last})
    if len(matrix) not in expected:
        raise InputError(
            f"{path}: found {len(matrix)} rows; expected {' or '.join(map(str, expected))}, one for each item of the "
            "dataset; check that the file belongs to this dataset"
        )
    vectors = np.asarray(matrix[item_ids - 1], np.float32)
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(1))[0])
        raise InputError(f"{path}: row {int(item_ids[row]) - 1} holds NaN or infinity; expected numbers")
    return unit_rows(vectors)
