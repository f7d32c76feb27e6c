"""The rows (items or users) of one shard's job, and a check that shards belong together."""

import re

from reelrank.errors import InputError

#: Keys of a shard's metadata that the gathered file does not have.
SHARD_KEYS = ("rows", "device")


def read_shard(wildcards):
    """Return ``(number, shards)`` of the wildcard ``scatteritem`` (``2-of-3``); ``(1, 1)`` for a job without shards."""
    number, shards = wildcards.get("scatteritem", "1-of-1").split("-of-")
    return int(number), int(shards)


def shard_range(n, number, shards, together=1):
    """Return the rows of a shard as ``(start, stop)``.

    Parameters
    ----------
    n : int
        Rows of all shards together.
    number : int
        Number of the shard, from 1.
    shards : int
    together : int
        Rows of a batch. Other rows in the batch change the last bits of a row's result, so a shard has whole
        batches only, and the result does not depend on the number of shards.

    Returns
    -------
    tuple of (int, int)
        An empty range (``start == stop``) is possible if there are fewer batches than shards.
    """
    batches = -(-n // together)
    return tuple(min(batches * end // shards * together, n) for end in (number - 1, number))


def shard_metadata(shard, rows, n):
    """Return the metadata that only the file of a shard has: its rows and its device.

    Parameters
    ----------
    shard, rows : (int, int)
        As `read_shard` and `shard_range` return them.
    n : int
        Rows of all shards together.

    Returns
    -------
    dict of str to str
        Empty for a job without shards.
    """
    if shard == (1, 1):
        return {}
    from reelrank.hardware import pick_device  # takes seconds to load, and gathering does not need it

    return {"rows": f"{rows[0]}-{rows[1]}/{n}", "device": pick_device().type}


def gathered_metadata(shards):
    """Return the metadata of the gathered file.

    Parameters
    ----------
    shards : dict of path to dict of str to str
        The metadata of all shards, in order.

    Raises
    ------
    InputError
        If shards have different config or devices, or their rows do not cover all rows once.
    """
    (first, one), stop = next(iter(shards.items())), 0
    for path, about in shards.items():
        for key in sorted({*about, *one} - {"rows"}):
            if about.get(key) != one.get(key):
                why = ": results of a GPU and a CPU differ in the last bits" if key == "device" else ""
                raise InputError(f"{path}: {key} is {about.get(key)}; expected {one.get(key)}, as in {first}{why}")
        start, end, n = map(int, re.split("[-/]", about["rows"]))
        if start != stop:
            raise InputError(f"{path}: found rows {start} to {end}; expected rows from {stop} on")
        stop = end
    if stop != n:
        raise InputError(f"{path}: the last shard ends with row {stop}; expected {n}")
    return {key: value for key, value in one.items() if key not in SHARD_KEYS}
