"""Generate the tables of the sample dataset in the layout of MicroLens."""

from reelrank import step
from reelrank.datasets.sample import SampleParameters, generate_tables


def main(parameters, outputs):
    """Write the files `outputs` (role to path) for the config's `parameters`."""
    generate_tables(SampleParameters(**parameters), outputs)


step.run(main, snakemake)
