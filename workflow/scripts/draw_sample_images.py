"""Draw the covers and frames of the sample dataset."""

from reelrank import step
from reelrank.datasets.sample import SampleParameters, draw_images


def main(parameters, covers, frames):
    """Fill the folders `covers` and `frames`."""
    draw_images(SampleParameters(**parameters), covers, frames)


step.run(main, snakemake)
