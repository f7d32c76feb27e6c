"""Plot hit rate against n, with intervals, one panel per base model."""

from typing import TYPE_CHECKING

from reelrank import step
from reelrank.report.figures import plot_hit_rate
from reelrank.report.tables import hit_rate_table

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(rank_paths, output, cutoffs, title, synthetic):
    """Write the figure (SVG) for every n up to the largest of `cutoffs`."""
    table = hit_rate_table(rank_paths, range(1, max(cutoffs) + 1))
    plot_hit_rate(table[table["split"] == "test"], output, f"{title}{' (synthetic)' if synthetic else ''}")


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        snakemake.input.ranks,
        snakemake.output.figure,
        snakemake.params.cutoffs,
        snakemake.params.title,
        snakemake.params.synthetic,
    )
