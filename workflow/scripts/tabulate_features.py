"""Write the table of the features that a run reads, with their missing items."""

from reelrank import step
from reelrank.files import read_json, write_text
from reelrank.report.feature_table import feature_table, features_to_markdown


def main(descriptions, clip_reports, outputs, title):
    """Write ``features.csv`` and ``features.md`` (`outputs` by format)."""
    table = feature_table(map(read_json, descriptions))
    write_text(outputs["csv"], table.to_csv(index=False, lineterminator="\n"))
    write_text(outputs["md"], features_to_markdown(table, list(map(read_json, clip_reports)), title))


step.run(main, snakemake)
