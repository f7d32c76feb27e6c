"""Deal out the vectors of an encoder again among items of like popularity in training."""

import logging

from reelrank import step
from reelrank.data.tables import read_table
from reelrank.features.matrices import read_features, write_features
from reelrank.features.permuting import permuted


def main(source, item_statistics, matrix, encoder, block, field):
    """Write `matrix` (``{field}.npy``) and its description from the matrix `source` of another encoder."""
    popularity = read_table(item_statistics, "item_statistics")["popularity"].to_numpy()
    vectors, present = read_features(source, len(popularity), block["of"], field)
    dealt, groups = permuted(vectors, present, popularity, block["seed"])
    about = {
        "encoder": encoder,
        "field": field,
        "model": f"vectors of {block['of']}, dealt out again",
        "revision": None,
    }
    about |= {"source": "permuted", "of": block["of"], "seed": block["seed"], "groups": groups, "counts": {}}
    write_features(matrix, dealt, present, about)
    logging.info("%d vectors in %d groups of like popularity", present.sum(), groups)


step.run(main, snakemake)
