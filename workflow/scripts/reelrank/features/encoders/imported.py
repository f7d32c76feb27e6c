"""The user's own matrix: it is read and checked, not computed."""

from reelrank.errors import InputError
from reelrank.features.matrices import read_matrix as read_numbers
from reelrank.features.matrices import unit_rows


def read_matrix(path, item_ids, expected_items=None):
    """Read an own matrix: row i belongs to row i of the prepared table of items.

    Parameters
    ----------
    path : str or Path
        ``.npy`` of numbers, ``(n_items, dimension)``.
    item_ids : sequence of str or int
        Item ids, ordered by item index.
    expected_items : int, optional
        Not used: only prepared items have rows.

    Returns
    -------
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32, unit rows; zero where the row of the file is zero.
    present : numpy.ndarray
        ``(n_items,)`` bool.

    Raises
    ------
    InputError
        If the file is not a matrix of numbers, holds NaN, or does not have one row per item.
    """
    vectors = read_numbers(path)
    if vectors.ndim != 2 or len(vectors) != len(item_ids) or not vectors.shape[1]:
        raise InputError(
            f"{path}: found a matrix of shape {vectors.shape}; expected {len(item_ids)} rows, one for each row of the "
            "prepared table of items, and not empty"
        )
    return unit_rows(vectors)
