"""Join the latest comments of each item, from training interactions only."""

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.tables import read_table, write_table
from reelrank.data.texts import texts_table, training_comments


def main(comments, interactions, split, texts, most_recent):
    """Write the table `texts`, with the contract ``texts``."""
    data = load_interactions(interactions, split)
    tables = read_table(comments, "comments"), read_table(interactions, "interactions")
    joined = training_comments(*tables, data.codes, data.n_items, most_recent)
    write_table(texts_table(joined), "texts", texts)


step.run(main, snakemake)
