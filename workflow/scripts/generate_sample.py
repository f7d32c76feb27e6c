"""Generate the tables of the sample dataset in the layout of MicroLens."""

from types import SimpleNamespace

from reelrank import step
from reelrank.datasets.sample import generate_tables


def main(parameters, outputs):
    """Write the files `outputs` (role to path) for the config's `parameters`."""
    generate_tables(SimpleNamespace(**parameters), outputs)


step.run(main, snakemake)
