"""Item features on disk: a matrix with a row per item, its description, and the shards that they are made from."""

import json
import zipfile
from pathlib import Path

import numpy as np

from reelrank.errors import InputError
from reelrank.files import atomic, read_json, write_json


def write_features(path, vectors, present, about):
    """Write a feature matrix and its description; each file is written atomically.

    Parameters
    ----------
    path : str or Path
        ``{field}.npy``; the description goes to ``{field}.json`` beside it.
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32; row = item index; zero for an item without a feature.
    present : numpy.ndarray
        ``(n_items,)`` bool.
    about : dict
        Encoder, field, model, revision, counts, ...
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


def read_features(path, n_items, encoder=None, field=None):
    """Read a feature matrix that `write_features` wrote.

    Parameters
    ----------
    path : str or Path
    n_items : int
    encoder, field : str, optional
        Expected encoder and field.

    Returns
    -------
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32.
    present : numpy.ndarray
        ``(n_items,)`` bool.

    Raises
    ------
    InputError
        If a file is missing or damaged, if the matrix does not have one row per item or holds
        values that are not finite numbers, or if its encoder or field is another one.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: the feature matrix does not exist; rules/features.smk makes it")
    vectors, about = read_matrix(path), _read_description(path.with_suffix(".json"))
    if vectors.ndim != 2 or len(vectors) != n_items or not vectors.shape[1]:
        raise InputError(
            f"{path}: found a matrix of shape {vectors.shape}; expected {n_items} rows, one per item, and not empty"
        )
    for key, expected in (("encoder", encoder), ("field", field), ("dimension", vectors.shape[1])):
        if expected is not None and about.get(key) != expected:
            raise InputError(f"{path}: found {key} {about.get(key)!r} in the description; expected {expected!r}")
    present = np.ones(n_items, bool)
    missing = about.get("missing")
    if not isinstance(missing, list) or not all(type(item) is int and 0 <= item < n_items for item in missing):
        raise InputError(
            f"{path.with_suffix('.json')}: found {str(missing)[:60]} as missing; expected items from 0 to {n_items - 1}"
        )
    present[missing] = False
    return vectors, present


def read_matrix(path):
    """Return the array of an ``.npy`` file as float32.

    Raises
    ------
    InputError
        If it is no array of numbers, or holds NaN or infinity; names the row.
    """
    try:
        vectors = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: found no NumPy array ({error}); expected a .npy file") from None
    kind = vectors.dtype.kind if isinstance(vectors, np.ndarray) else None
    if kind is None or kind not in "fiu":
        found = "an archive" if kind is None else f"dtype {vectors.dtype}"
        raise InputError(f"{path}: found {found}; expected an array of numbers")
    with np.errstate(over="ignore"):
        vectors = vectors.astype(np.float32, copy=False)
    if not np.isfinite(vectors).all():
        row = int(np.argwhere(~np.isfinite(vectors))[0][0])
        raise InputError(f"{path}: row {row}: found NaN or infinity; expected numbers that are finite in float32")
    return vectors


def unit_rows(vectors):
    """Return vectors of length 1, and which rows are not zero.

    Parameters
    ----------
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32.

    Returns
    -------
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32; rows of zeros stay zero.
    present : numpy.ndarray
        ``(n_items,)`` bool.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1), norms[:, 0] > 0


def _read_description(path):
    """Return the description of a matrix."""
    if not path.is_file():
        raise InputError(f"{path}: the description of the feature matrix does not exist; rules/features.smk makes it")
    try:
        about = read_json(path)
    except ValueError as error:
        raise InputError(f"{path}: found no JSON ({error}); expected the description of a feature matrix") from None
    if not isinstance(about, dict):
        raise InputError(f"{path}: found {str(about)[:60]}; expected the description of a feature matrix")
    return about


def centred(vectors, present):
    """Subtract the mean vector of the items and scale to length 1 again.

    Where all cosines are high, they hardly differ: the mean is most of every vector. What is left after it is
    subtracted tells items apart (the first step of Mu & Viswanath, "All-but-the-Top", ICLR 2018).

    Parameters
    ----------
    vectors, present
        As `read_features` returns them.

    Returns
    -------
    vectors, present : numpy.ndarray
        An item whose vector is the mean has no direction left: it is missing.
    """
    mean = vectors[present].mean(0, dtype=np.float64) if present.any() else np.zeros(vectors.shape[1])
    moved = np.where(present[:, None], vectors - mean, 0)
    norms = np.linalg.norm(moved, axis=1, keepdims=True)
    present = present & (norms[:, 0] > 1e-6)
    return np.where(present[:, None], moved / np.maximum(norms, 1e-12), 0).astype(np.float32), present


def write_shard(path, vectors, present, start, n_items, about):
    """Write the vectors of the items from `start` on, with their description, atomically (``.npz``)."""
    with atomic(path) as temporary, open(temporary, "wb") as stream:
        np.savez(
            stream,
            vectors=np.ascontiguousarray(vectors, np.float32),
            present=present,
            start=start,
            n_items=n_items,
            about=json.dumps(about),
        )


def gather_shards(paths, encoder, field):
    """Join the shards of a feature.

    Parameters
    ----------
    paths : sequence of path
        In any order.
    encoder, field : str
        Expected encoder and field of each shard.

    Returns
    -------
    vectors, present : numpy.ndarray
        Arguments of `write_features`.
    about : dict
        Description of the shards, with the sums of their ``counts``.

    Raises
    ------
    InputError
        If a shard has another encoder, field or number of items, or if items are missing or duplicated.
    """
    shards = []
    for path in paths:
        with np.load(path, allow_pickle=False) as shard:
            values = {key: shard[key] for key in ("vectors", "present")}
            values |= {key: int(shard[key]) for key in ("start", "n_items")}
            values |= {"about": json.loads(str(shard["about"])), "path": path}
        shards.append(values)
    shards.sort(key=lambda shard: (shard["start"], len(shard["vectors"])))  # an empty shard before the next one
    first, expected = shards[0], 0
    whose = {"encoder": encoder, "field": field}
    for shard in shards:
        about = {key: value for key, value in shard["about"].items() if key != "counts"}
        same = {key: value for key, value in first["about"].items() if key != "counts"}
        if {key: about.get(key) for key in whose} != whose or about != same or shard["n_items"] != first["n_items"]:
            raise InputError(
                f"{shard['path']}: found a shard of {about} and {shard['n_items']} items; expected {same | whose} and "
                f"{first['n_items']}"
            )
        if shard["start"] != expected:
            raise InputError(
                f"{shard['path']}: found a shard that starts at item {shard['start']}; expected item {expected}"
            )
        expected += len(shard["vectors"])
    if expected != first["n_items"]:
        raise InputError(f"{first['path']}: found {expected} items in all shards; expected {first['n_items']}")
    counts = {key: sum(shard["about"]["counts"][key] for shard in shards) for key in first["about"].get("counts", {})}
    about = {**first["about"], "counts": counts}
    vectors, present = (np.concatenate([shard[key] for shard in shards]) for key in ("vectors", "present"))
    return vectors, present, about
