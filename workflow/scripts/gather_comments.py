"""Join the latest comments of each item, those of training interactions only."""

from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.tables import read_table, write_table
from reelrank.data.texts import texts_table, training_comments

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(comments_path, interactions_path, split_path, output, most_recent):
    """Write the table `output` of contract ``texts``."""
    data = load_interactions(interactions_path, split_path)
    comments, interactions = read_table(comments_path, "comments"), read_table(interactions_path, "interactions")
    texts = training_comments(comments, interactions, data.codes, data.n_items, most_recent)
    write_table(texts_table(texts), "texts", output)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        snakemake.input.comments,
        snakemake.input.interactions,
        snakemake.input.split,
        snakemake.output.texts,
        snakemake.params.most_recent,
    )
