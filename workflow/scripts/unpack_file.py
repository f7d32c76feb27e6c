"""Unpack one file from a published archive."""

from pathlib import Path

from reelrank import step
from reelrank.datasets.archives import extract
from reelrank.files import remove


def main(parts, path):
    """Unpack the file named like `path` from an archive, which comes in `parts`, to `path`."""
    path = Path(path)
    unpacked = path.with_name(f".{path.name}.unpacked")
    try:
        extract(parts, unpacked, members={path.name}, flatten=True)
        (unpacked / path.name).replace(path)
    finally:
        remove(unpacked)


step.run(main, snakemake)
