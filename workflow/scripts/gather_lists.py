"""Join the lists of all user shards."""

from reelrank import step
from reelrank.data.lists import concatenate, read_lists, write_lists
from reelrank.sharding import gathered_metadata


def main(inputs, outputs):
    """Write the lists of all users.

    Parameters
    ----------
    inputs : dict of str to path or sequence of path
        ``valid_shards``, ``test_shards``: the lists of each shard, in the order of the users. ``valid``, ``test``:
        the base lists that a re-ranker permuted; absent if the shards are base lists.
    outputs : dict of str to path
        One path per split.
    """
    for split, path in outputs.items():
        shards = inputs[f"{split}_shards"]
        read = [read_lists(shard) for shard in shards]
        about = gathered_metadata({shard: about for shard, (_, about) in zip(shards, read, strict=True)})
        base = read_lists(inputs[split])[0] if split in inputs else None
        write_lists(concatenate([lists for lists, _ in read]), path, about, base)


step.run(main, snakemake)
