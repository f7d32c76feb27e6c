"""Put the shards of a feature together."""

from typing import TYPE_CHECKING

from reelrank import step
from reelrank.features.matrices import gather_shards, write_features

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(shards, output, encoder_name, field):
    """Write the matrix `output` (``{field}.npy``) and its description from the files `shards`."""
    write_features(output, *gather_shards(shards, encoder_name, field))


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        snakemake.input.shards,
        snakemake.output.matrix,
        snakemake.wildcards.encoder,
        snakemake.wildcards.field,
    )
