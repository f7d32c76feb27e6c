"""Feature matrices that others computed and published: nothing to encode, everything to check."""

import numpy as np

from reelrank.errors import InputError


def read_published(path, item_ids, expected_items=None):
    """Read a published matrix in which row i belongs to the item with id i + 1, as MicroLens' are.

    Parameters
    ----------
    path : str or Path
        ``.npy``, ``(n_rows, dimension)`` of numbers.
    item_ids : numpy.ndarray
        ``(n_items,)`` int64 ids of the items, in the order of their indices.
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
        If it is no matrix of numbers, holds NaN, or has not the rows that the dataset has items.
    """
    try:
        matrix = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise InputError(f"{path}: the published matrix cannot be read ({error.strerror})") from error
        raise InputError(f"{path}: found no NumPy matrix ({error}); expected a .npy of numbers") from error
    if matrix.ndim != 2 or not np.issubdtype(matrix.dtype, np.number):
        raise InputError(f"{path}: found shape {matrix.shape} of {matrix.dtype}; expected a matrix of numbers")
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
            "dataset: is the file of another dataset?"
        )
    vectors = np.asarray(matrix[item_ids - 1], np.float32)
    if not np.isfinite(vectors).all():
        row = int(np.flatnonzero(~np.isfinite(vectors).all(1))[0])
        raise InputError(f"{path}: row {int(item_ids[row]) - 1} holds NaN or infinity; expected numbers")
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1), norms[:, 0] > 0
