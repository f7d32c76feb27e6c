"""Item features on disk: a matrix with a row per item, and what it is."""

from pathlib import Path

import numpy as np

from reelrank.errors import InputError
from reelrank.files import atomic, read_json, write_json


def write_features(path, vectors, present, about):
    """Write a feature matrix and its description, both atomically.

    Parameters
    ----------
    path : str or Path
        ``{field}.npy``; the description goes to ``{field}.json`` beside it.
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32; row = item index; zero where absent.
    present : numpy.ndarray
        ``(n_items,)`` bool.
    about : dict
        Encoder, model, revision, ...
    """
    path = Path(path)
    with atomic(path) as temporary, open(temporary, "wb") as stream:
        np.save(stream, np.ascontiguousarray(vectors, np.float32))
    description = {
        **about,
        "items": len(vectors),
        "dimension": int(vectors.shape[1]),
        "dtype": "float32",
        "normalised": True,
        "missing": np.flatnonzero(~present).tolist(),
    }
    write_json(path.with_suffix(".json"), description)


def read_features(path, n_items):
    """Read what `write_features` wrote.

    Returns
    -------
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32.
    present : numpy.ndarray
        ``(n_items,)`` bool.

    Raises
    ------
    InputError
        If the matrix has not one row per item.
    """
    if not Path(path).is_file():
        raise InputError(f"{path}: the feature matrix does not exist; the rule embed_text makes it")
    vectors = np.load(path)
    if vectors.ndim != 2 or len(vectors) != n_items:
        raise InputError(
            f"{path}: found a matrix of shape {vectors.shape}; expected one row for each of {n_items} items"
        )
    present = np.ones(n_items, bool)
    present[read_json(Path(path).with_suffix(".json"))["missing"]] = False
    return vectors, present
