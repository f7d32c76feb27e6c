"""Split the prepared interactions by a protocol, and count each item's training interactions."""

import logging

from reelrank import step
from reelrank.data import splits
from reelrank.data.tables import metadata, read_table, write_table
from reelrank.files import write_json


def main(interactions, outputs, protocol, options):
    """Write the split, the item statistics and the protocol's counts (`outputs` by name)."""
    table = read_table(interactions, "interactions")
    user, item, timestamp = (table[name].to_numpy() for name in ("user", "item", "timestamp"))
    codes, counts = splits.split(protocol, user, timestamp, options)
    about = metadata(table) | {"protocol": protocol}
    write_table(splits.split_table(table["user"], table["position"], codes), "split", outputs["split"], about)
    statistics = splits.item_statistics(item, timestamp, codes, int(about["n_items"]))
    write_table(statistics, "item_statistics", outputs["item_statistics"], about)
    write_json(outputs["counts"], counts)
    logging.info("%s: %s", protocol, counts)


step.run(main, snakemake)
