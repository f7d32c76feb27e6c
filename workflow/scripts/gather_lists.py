"""Put the lists of a re-ranker together that jobs of their own made for each part of the users."""

from typing import TYPE_CHECKING

from reelrank import step
from reelrank.lists import concatenate, read_lists, write_lists

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(bases, shards, outputs):
    """Write the lists of all users (`bases`, the base lists, `shards` and `outputs` by split)."""
    for part, path in outputs.items():
        read = [read_lists(shard) for shard in shards[part]]
        about = read[0][1]
        write_lists(concatenate([lists for lists, _ in read]), path, about, read_lists(bases[part])[0])


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        {"valid": snakemake.input.valid, "test": snakemake.input.test},
        {"valid": snakemake.input.valid_shards, "test": snakemake.input.test_shards},
        dict(snakemake.output.items()),
    )
