"""Encode a text of every item of a shard once."""

import logging
from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data.texts import read_texts
from reelrank.features.encoders import build_encoder, encode_present
from reelrank.features.matrices import write_shard
from reelrank.hardware import make_deterministic
from reelrank.sharding import read_shard, shard_range

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(sources, output, encoder_name, encoder_block, field, shard, threads, weights=None):
    """Write the shard `output`.

    Parameters
    ----------
    sources : sequence of (str, path)
        Fields that are joined, and where they are.
    output : path
    encoder_name : str
    encoder_block : dict
    field : str
    shard : (int, int)
        Its number, from 1, and how many there are.
    threads : int
    weights : path, optional
        Of an encoder that this run trained.
    """
    make_deterministic(threads, seed=0)
    everything = read_texts(sources)
    start, stop = shard_range(len(everything), *shard)
    texts = everything[start:stop]
    encoder = build_encoder(encoder_name, encoder_block, weights)
    vectors, present = encode_present(encoder, texts)
    counts = {"texts": int(present.sum()), "empty": int((~present).sum())}
    about = {"encoder": encoder_name, "field": field, **encoder.description, "counts": counts}
    write_shard(output, vectors, present, start, len(everything), about)
    logging.info("%d texts, %d empty, dimension %d", len(texts), counts["empty"], vectors.shape[1])


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        list(zip(snakemake.params.fields, snakemake.input.texts, strict=True)),
        snakemake.output[0],
        snakemake.wildcards.encoder,
        snakemake.params.encoder,
        snakemake.wildcards.field,
        read_shard(snakemake.wildcards),
        snakemake.params.threads,
        snakemake.input.get("weights"),
    )
