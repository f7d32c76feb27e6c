"""Join the shards of a feature."""

from reelrank import step
from reelrank.features.matrices import gather_shards, write_features


def main(shards, matrix, encoder, field):
    """Write `matrix` (``{field}.npy``) and its description from the files `shards`."""
    write_features(matrix, *gather_shards(shards, encoder, field))


step.run(main, snakemake)
