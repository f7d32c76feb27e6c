"""Put lists together that jobs of their own made for each part of the users."""

from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data.lists import concatenate, read_lists, write_lists
from reelrank.sharding import gathered_metadata

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(bases, shards, outputs):
    """Write the lists of all users.

    Parameters
    ----------
    bases : dict of str to path
        The base lists by split, of which those of a re-ranker are permutations; empty where base lists are gathered.
    shards : dict of str to sequence of path
        By split, in the order of the users.
    outputs : dict of str to path
        By split.
    """
    for part, path in outputs.items():
        read = [read_lists(shard) for shard in shards[part]]
        about = gathered_metadata({shard: about for shard, (_, about) in zip(shards[part], read, strict=True)})
        base = read_lists(bases[part])[0] if bases else None
        write_lists(concatenate([lists for lists, _ in read]), path, about, base)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        {part: path for part in ("valid", "test") if (path := snakemake.input.get(part))},
        {"valid": snakemake.input.valid_shards, "test": snakemake.input.test_shards},
        dict(snakemake.output.items()),
    )
