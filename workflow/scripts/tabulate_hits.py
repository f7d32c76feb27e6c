"""Write the hit-rate tables of all lists: tidy CSV and wide Markdown."""

from reelrank import step
from reelrank.files import read_json, write_text
from reelrank.report.hit_rates import hit_rate_table, to_markdown
from reelrank.report.seeds import seeds_to_markdown


def main(ranks, statistics, counts, outputs, cutoffs, title, synthetic, published):
    """Write ``hit_rate.csv`` and ``hit_rate.md`` (`outputs` by format)."""
    table = hit_rate_table(ranks, cutoffs)
    write_text(outputs["csv"], table.to_csv(index=False, float_format="%.6f", lineterminator="\n"))
    about = {"title": title, "synthetic": synthetic, "published": published}
    parts = [
        to_markdown(table, cutoffs, about, read_json(statistics), read_json(counts)),
        seeds_to_markdown(table, cutoffs),
    ]
    write_text(outputs["md"], "\n".join(filter(None, parts)))


step.run(main, snakemake)
