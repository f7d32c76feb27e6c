"""Generate the tables of the sample dataset in the layout of MicroLens."""

from typing import TYPE_CHECKING

from reelrank import step
from reelrank.datasets.sample import SampleParameters, generate_tables

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(parameters, paths):
    """Write the files `paths` (role to path) for the config's `parameters`."""
    generate_tables(SampleParameters(**parameters), paths)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(snakemake.params.parameters, dict(snakemake.output.items()))
