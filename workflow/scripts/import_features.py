"""Import features that were published with the dataset."""

import logging

import numpy as np

from reelrank import step
from reelrank.data.tables import read_table
from reelrank.features.encoders.published import read_published
from reelrank.features.matrices import write_features


def main(catalogue, published, matrix, encoder, block, expected_items):
    """Write `matrix` (``{field}.npy``) and its description from the file `published`."""
    item_ids = np.array([int(item_id) for item_id in read_table(catalogue, "items")["item_id"].to_pylist()])
    vectors, present = read_published(published, item_ids, expected_items)
    about = {"encoder": encoder, "field": block["field"], "model": block["model"]}
    about |= {"source": "published", "revision": None, "counts": {"zero_rows": int((~present).sum())}}
    write_features(matrix, vectors, present, about)
    logging.info("%d items, %d rows of zeros, dimension %d", len(vectors), (~present).sum(), vectors.shape[1])


step.run(main, snakemake)
