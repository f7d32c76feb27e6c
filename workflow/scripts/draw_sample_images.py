"""Draw the covers and frames of the sample dataset."""

from types import SimpleNamespace

from reelrank import step
from reelrank.datasets.sample import draw_images


def main(parameters, covers, frames):
    """Fill the folders `covers` and `frames`."""
    draw_images(SimpleNamespace(**parameters), covers, frames)


step.run(main, snakemake)
