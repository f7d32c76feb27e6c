"""Which items or users the job of one shard works on."""


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
