"""Unpack one file, or a folder of files, from a published archive."""

from pathlib import Path
from typing import TYPE_CHECKING

from reelrank import step
from reelrank.datasets.archives import extract
from reelrank.files import remove

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(parts, output, folder):
    """Unpack `parts` to `output`: a folder of all files if `folder`, else the one file of that name."""
    if folder:
        extract(parts, output, flatten=True)
        return
    output = Path(output)
    unpacked = output.with_name(f".{output.name}.unpacked")
    try:
        extract(parts, unpacked, members={output.name}, flatten=True)
        (unpacked / output.name).replace(output)
    finally:
        remove(unpacked)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(snakemake.input, snakemake.output[0], snakemake.params.folder)
