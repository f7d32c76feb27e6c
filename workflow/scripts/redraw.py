"""Redraw the held-out items of a protocol at random, for the audit."""

import logging
import shutil

import pyarrow as pa

from reelrank import step
from reelrank.audit.target_draws import redrawn_column
from reelrank.data.interactions import load_interactions
from reelrank.data.tables import metadata, read_table, write_table
from reelrank.files import write_by


def main(inputs, outputs, protocol, seed):
    """Write the split with redrawn items, and the unchanged item statistics.

    Parameters
    ----------
    inputs : dict of str to path
        ``interactions``; ``split`` and ``item_statistics`` of the real protocol.
    outputs : dict of str to path
        ``split``, ``item_statistics``.
    protocol : str
        Name of the protocol with redrawn targets.
    seed : int
    """
    values, nulls = redrawn_column(load_interactions(inputs["interactions"], inputs["split"]), seed)
    split = read_table(inputs["split"], "split")
    about = metadata(split) | {"protocol": protocol, "redrawn_seed": seed}
    split = split.append_column("redrawn_item", pa.array(values, pa.int32(), mask=nulls))
    write_table(split, "split", outputs["split"], about)
    write_by(lambda path: shutil.copyfile(inputs["item_statistics"], path), outputs["item_statistics"])
    logging.info("redrew %d held-out items", (~nulls).sum())


step.run(main, snakemake)
