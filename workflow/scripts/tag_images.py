"""Describe the pictures of each item with words from the dataset's titles."""

import numpy as np

from reelrank import step
from reelrank.data.tables import read_table, write_table
from reelrank.data.texts import texts_table
from reelrank.features.encoders import build_encoder
from reelrank.features.image_tags import describe, vocabulary
from reelrank.features.matrices import read_features
from reelrank.hardware import make_deterministic


def main(inputs, texts, tags, block, threads):
    """Write the table `texts`, with the contract ``texts``.

    Parameters
    ----------
    inputs : dict of str to path
        ``catalogue``, ``item_statistics``, ``matrix``, and ``weights`` if this run trained the encoder.
    texts : path
    tags : dict
        ``encoder``, ``field``, ``words``, ``vocabulary_size``, ``min_count``.
    block : dict
        The encoder's block.
    threads : int
    """
    make_deterministic(threads, seed=0)
    titles = read_table(inputs["catalogue"], "items")["title"].to_pylist()
    in_training = read_table(inputs["item_statistics"], "item_statistics")["popularity"].to_numpy() > 0
    vectors, present = read_features(inputs["matrix"], len(titles), tags["encoder"], tags["field"])
    words = vocabulary(
        (titles[item] for item in np.flatnonzero(in_training)), tags["vocabulary_size"], tags["min_count"]
    )
    encoder = build_encoder(tags["encoder"], block, inputs.get("weights"))
    described = describe(encoder, vectors, present, in_training, words, tags["words"])
    write_table(texts_table(described), "texts", texts)


step.run(main, snakemake)
