"""Import a matrix that was published with the dataset, or that is the user's own."""

import logging
from pathlib import Path

from reelrank import step
from reelrank.data.tables import read_table
from reelrank.features.encoders import imported, published
from reelrank.features.matrices import write_features

READERS = {"published": published.read_matrix, "imported": imported.read_matrix}


def main(catalogue, own, matrix, encoder, block, expected_items):
    """Write `matrix` (``{field}.npy``) and its description from the file `own`."""
    item_ids = read_table(catalogue, "items")["item_id"].to_pylist()
    vectors, present = READERS[block["type"]](own, item_ids, expected_items)
    about = {"encoder": encoder, "field": block["field"], "model": block.get("model", Path(own).name)}
    about |= {"source": block["type"], "revision": None, "counts": {"zero_rows": int((~present).sum())}}
    write_features(matrix, vectors, present, about)
    logging.info("%d items, %d rows of zeros, dimension %d", len(vectors), (~present).sum(), vectors.shape[1])


step.run(main, snakemake)
