"""Encode one text for each item of a shard."""

import logging

from reelrank import step
from reelrank.data.texts import read_texts
from reelrank.features.encoders import build_encoder, encode_present
from reelrank.features.matrices import write_shard
from reelrank.hardware import make_deterministic
from reelrank.sharding import shard_range


def main(texts, path, encoder, block, fields, field, shard, threads, weights=None):
    """Write the shard `path`.

    Parameters
    ----------
    texts : sequence of path
        The tables of the source fields.
    path : path
    encoder : str
        The encoder's name.
    block : dict
        The encoder's block.
    fields : sequence of str
        The source fields, which are joined into one text.
    field : str
        The name of the joined field.
    shard : (int, int)
        The number of the shard, from 1, and the number of shards.
    threads : int
    weights : path, optional
        Weights of an encoder that this run trained.
    """
    make_deterministic(threads, seed=0)
    everything = read_texts(list(zip(fields, texts, strict=True)))
    start, stop = shard_range(len(everything), *shard)
    own = everything[start:stop]
    built = build_encoder(encoder, block, weights)
    vectors, present = encode_present(built, own)
    counts = {"texts": int(present.sum()), "empty": int((~present).sum())}
    about = {"encoder": encoder, "field": field, **built.description, "counts": counts}
    write_shard(path, vectors, present, start, len(everything), about)
    logging.info("%d texts, %d empty, dimension %d", len(own), counts["empty"], vectors.shape[1])


step.run(main, snakemake)
