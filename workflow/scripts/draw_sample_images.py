"""Draw the covers and frames of the sample dataset."""

from typing import TYPE_CHECKING

from reelrank import step
from reelrank.datasets.sample import SampleParameters, draw_images

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(parameters, covers, frames):
    """Fill the folders `covers` and `frames`."""
    draw_images(SampleParameters(**parameters), covers, frames)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(snakemake.params.parameters, snakemake.output.covers, snakemake.output.frames)
