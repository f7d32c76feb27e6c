"""Split the prepared interactions by a protocol and count each item's training interactions."""

import logging
from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data import splits
from reelrank.data.tables import metadata, read_table, write_table
from reelrank.files import write_json

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(interactions_path, outputs, protocol, options):
    """Write the split, the item statistics and the protocol's counts (`outputs` by name)."""
    interactions = read_table(interactions_path, "interactions")
    user, item, timestamp = (interactions[name].to_numpy() for name in ("user", "item", "timestamp"))
    codes, counts = splits.split(protocol, user, timestamp, options)
    about = metadata(interactions) | {"protocol": protocol}
    write_table(
        splits.split_table(interactions["user"], interactions["position"], codes), "split", outputs["split"], about
    )
    statistics = splits.item_statistics(item, timestamp, codes, int(about["n_items"]))
    write_table(statistics, "item_statistics", outputs["item_statistics"], about)
    write_json(outputs["counts"], counts)
    logging.info("%s: %s", protocol, counts)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        snakemake.input.interactions,
        dict(snakemake.output.items()),
        snakemake.wildcards.protocol,
        snakemake.params.options,
    )
