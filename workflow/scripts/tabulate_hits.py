"""Make the hit-rate tables of all lists: tidy CSV and wide Markdown."""

from typing import TYPE_CHECKING

from reelrank import step
from reelrank.files import read_json, write_text
from reelrank.report.hit_rates import hit_rate_table, to_markdown
from reelrank.report.seeds import seeds_to_markdown

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(rank_paths, statistics_path, counts_path, outputs, cutoffs, title, synthetic, published):
    """Write ``hit_rate.csv`` and ``hit_rate.md`` (`outputs` by format)."""
    table = hit_rate_table(rank_paths, cutoffs)
    write_text(outputs["csv"], table.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    about = {"title": title, "synthetic": synthetic, "published": published}
    parts = [
        to_markdown(table, cutoffs, about, read_json(statistics_path), read_json(counts_path)),
        seeds_to_markdown(table, cutoffs),
    ]
    write_text(outputs["md"], "\n".join(filter(None, parts)))


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        snakemake.input.ranks,
        snakemake.input.statistics,
        snakemake.input.counts,
        dict(snakemake.output.items()),
        snakemake.params.cutoffs,
        snakemake.params.title,
        snakemake.params.synthetic,
        snakemake.params.published,
    )
