"""Read features that were published with the dataset."""

import logging
from typing import TYPE_CHECKING

import numpy as np

from reelrank import step
from reelrank.data.tables import read_table
from reelrank.features.encoders.published import read_published
from reelrank.features.matrices import write_features

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(items_path, published, output, encoder_name, encoder_block, expected_items):
    """Write the matrix `output` (``{field}.npy``) and its description from the file `published`."""
    item_ids = np.array([int(item_id) for item_id in read_table(items_path, "items")["item_id"].to_pylist()])
    vectors, present = read_published(published, item_ids, expected_items)
    about = {"encoder": encoder_name, "field": encoder_block["field"], "model": encoder_block["model"]}
    about |= {"source": "published", "revision": None, "counts": {"zero_rows": int((~present).sum())}}
    write_features(output, vectors, present, about)
    logging.info("%d items, %d rows of zeros, dimension %d", len(vectors), (~present).sum(), vectors.shape[1])


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        snakemake.input.catalogue,
        snakemake.input.published,
        snakemake.output.matrix,
        snakemake.wildcards.encoder,
        snakemake.params.encoder,
        snakemake.params.expected_items,
    )
