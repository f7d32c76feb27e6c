"""Which items or users the job of one shard works on, and whether shards belong together."""

import re

from reelrank.errors import InputError

#: Keys of a shard's metadata that the gathered file does not have.
OF_SHARD = ("rows", "device")


def read_shard(wildcards):
    """Return ``(number, shards)`` of the wildcard ``scatteritem`` (``2-of-3``); ``(1, 1)`` of a job that is whole."""
    number, shards = wildcards.get("scatteritem", "1-of-1").split("-of-")
    return int(number), int(shards)


def shard_range(n, number, shards, together=1):
    """Return what a shard works on, counted by row, as ``(start, stop)``.

    Parameters
    ----------
    n : int
        Rows of all shards.
    number : int
        From 1.
    shards : int
    together : int
        Rows that are computed together. What shares a batch changes the last bits of a sum, so shards are made of
        whole batches, and a row's result is the same in whatever shard.

    Returns
    -------
    tuple of (int, int)
        Empty where there are fewer batches than shards.
    """
    batches = -(-n // together)
    return tuple(min(batches * end // shards * together, n) for end in (number - 1, number))


def shard_metadata(shard, rows, n):
    """Return what the file of a shard says of itself, beside what the whole says: which rows of `n`, made on what.

    Parameters
    ----------
    shard, rows : (int, int)
        Of `read_shard` and `shard_range`.
    n : int

    Returns
    -------
    dict of str to str
        Empty for a job that is whole.
    """
    if shard == (1, 1):
        return {}
    from reelrank.hardware import pick_device  # torch takes seconds to load: not where shards are gathered

    return {"rows": f"{rows[0]}-{rows[1]}/{n}", "device": pick_device().type}


def gathered_metadata(shards):
    """Return the metadata of the whole.

    Parameters
    ----------
    shards : dict of path to dict of str to str
        The metadata of all shards, in order.

    Raises
    ------
    InputError
        If shards are of different config or different devices, or their rows are not all rows, each once.
    """
    (first, one), stop = next(iter(shards.items())), 0
    for path, about in shards.items():
        for key in sorted({*about, *one} - {"rows"}):
            if about.get(key) != one.get(key):
                why = ": the last bits of a GPU and of a processor differ" if key == "device" else ""
                raise InputError(f"{path}: {key} is {about.get(key)}; expected {one.get(key)}, as in {first}{why}")
        start, end, n = map(int, re.split("[-/]", about["rows"]))
        if start != stop:
            raise InputError(f"{path}: holds rows {start} to {end}; expected rows from {stop} on")
        stop = end
    if stop != n:
        raise InputError(f"{path}: the last shard ends with row {stop}; expected {n}")
    return {key: value for key, value in one.items() if key not in OF_SHARD}
