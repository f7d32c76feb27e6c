"""Item features on disk: a matrix with a row per item, and what it is; and the shards it is gathered from."""

import json
import zipfile
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
    """Read what `write_features` wrote.

    Parameters
    ----------
    path : str or Path
    n_items : int
    encoder, field : str, optional
        What the matrix must be of.

    Returns
    -------
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32.
    present : numpy.ndarray
        ``(n_items,)`` bool.

    Raises
    ------
    InputError
        If a file is missing or damaged, or if the matrix has not one row per item, holds
        something else than finite numbers, or is of another encoder or field.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: the feature matrix does not exist; rules/features.smk makes it")
    vectors, about = _read_matrix(path), _read_description(path.with_suffix(".json"))
    if vectors.ndim != 2 or len(vectors) != n_items or not vectors.shape[1]:
        raise InputError(
            f"{path}: found a matrix of shape {vectors.shape}; expected one row for each of {n_items} items, not empty"
        )
    for key, expected in (("encoder", encoder), ("field", field), ("dimension", vectors.shape[1])):
        if expected is not None and about.get(key) != expected:
            raise InputError(f"{path}: its description says {key} {about.get(key)!r}; expected {expected!r}")
    present = np.ones(n_items, bool)
    missing = about.get("missing")
    if not isinstance(missing, list) or not all(type(item) is int and 0 <= item < n_items for item in missing):
        raise InputError(
            f"{path.with_suffix('.json')}: found {str(missing)[:60]} as missing; expected items from 0 to {n_items - 1}"
        )
    present[missing] = False
    return vectors, present


def _read_matrix(path):
    """Return the array of an ``.npy`` file as float32."""
    try:
        vectors = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise InputError(f"{path}: expected a NumPy array (.npy), found none ({error})") from None
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


def _read_description(path):
    """Return what a matrix is said to be."""
    if not path.is_file():
        raise InputError(f"{path}: the description of the feature matrix does not exist; rules/features.smk makes it")
    try:
        about = read_json(path)
    except ValueError as error:
        raise InputError(f"{path}: expected JSON, found none ({error})") from None
    if not isinstance(about, dict):
        raise InputError(f"{path}: found {str(about)[:60]}; expected the description of a feature matrix")
    return about


def write_shard(path, vectors, present, start, n_items, about):
    """Write the vectors of the items from `start` on, atomically, with what they are (``.npz``)."""
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
    """Put shards together.

    Parameters
    ----------
    paths : sequence of path
        In any order.
    encoder, field : str
        What each must be of.

    Returns
    -------
    vectors, present : numpy.ndarray
        As `write_features` takes them.
    about : dict
        Of the shards; ``counts`` are added up.

    Raises
    ------
    InputError
        If a shard is of another encoder, field or number of items, or if items are missing or there twice.
    """
    shards = []
    for path in paths:
        with np.load(path, allow_pickle=False) as shard:
            values = {key: shard[key] for key in ("vectors", "present")}
            values |= {key: int(shard[key]) for key in ("start", "n_items")}
            values |= {"about": json.loads(str(shard["about"])), "path": path}
        shards.append(values)
    shards.sort(key=lambda shard: (shard["start"], len(shard["vectors"])))  # an empty one stands before its next
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
            raise InputError(f"{shard['path']}: starts at item {shard['start']}; expected {expected}")
        expected += len(shard["vectors"])
    if expected != first["n_items"]:
        raise InputError(f"{first['path']}: the shards hold {expected} items; expected {first['n_items']}")
    counts = {key: sum(shard["about"]["counts"][key] for shard in shards) for key in first["about"].get("counts", {})}
    about = {**first["about"], "counts": counts}
    vectors, present = (np.concatenate([shard[key] for shard in shards]) for key in ("vectors", "present"))
    return vectors, present, about
