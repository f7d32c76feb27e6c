"""Unpack a folder of files from a published archive."""

from reelrank import step
from reelrank.datasets.archives import extract


def main(parts, path):
    """Unpack all files of an archive, which comes in `parts`, to the folder `path`."""
    extract(parts, path, flatten=True)


step.run(main, snakemake)
