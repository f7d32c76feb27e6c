"""Encode a text field of every item once."""

import logging
from typing import TYPE_CHECKING

from reelrank import step
from reelrank.encoders import build_encoder, encode_present
from reelrank.features import write_features
from reelrank.hardware import make_deterministic
from reelrank.tables import read_table

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(items_path, output, encoder_name, encoder_block, field, threads):
    """Write the matrix `output` (``{field}.npy``) and its description."""
    make_deterministic(threads, seed=0)
    texts = [text or "" for text in read_table(items_path, "items")[field].to_pylist()]
    encoder = build_encoder(encoder_name, encoder_block)
    vectors, present = encode_present(encoder, texts)
    write_features(output, vectors, present, {"encoder": encoder_name, "field": field, **encoder.description})
    logging.info("%d texts, %d empty, dimension %d", len(texts), (~present).sum(), vectors.shape[1])


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        snakemake.input.catalogue,
        snakemake.output.matrix,
        snakemake.wildcards.encoder,
        snakemake.params.encoder,
        snakemake.wildcards.field,
        snakemake.params.threads,
    )
