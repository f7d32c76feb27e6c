"""Encode the pictures of every item of a shard once."""

import logging
from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data.tables import read_table
from reelrank.datasets.images import list_images
from reelrank.features.encoders import build_encoder
from reelrank.features.item_images import embed_images
from reelrank.features.matrices import write_shard
from reelrank.hardware import make_deterministic
from reelrank.sharding import read_shard, shard_range

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(items_path, folder, output, encoder_name, encoder_block, field, shard, threads, weights=None):
    """Write the shard `output`.

    Parameters
    ----------
    items_path : path
    folder : path
        Pictures by item id.
    output, encoder_name, encoder_block, field, shard, threads, weights
        As of the step embed_text.
    """
    make_deterministic(threads, seed=0)
    item_ids = read_table(items_path, "items")["item_id"].to_pylist()
    start, stop = shard_range(len(item_ids), *shard)
    files = list_images(folder)
    encoder = build_encoder(encoder_name, encoder_block, weights)
    paths = [files.get(int(item_id), []) for item_id in item_ids[start:stop]]
    vectors, present, counts = embed_images(encoder, paths, encoder.pooling, threads)
    about = {"encoder": encoder_name, "field": field, **encoder.description, "pooling": encoder.pooling}
    write_shard(output, vectors, present, start, len(item_ids), {**about, "counts": counts})
    logging.info("%d items, %d without a picture, %s", len(paths), (~present).sum(), counts)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        snakemake.input.catalogue,
        snakemake.input.folder,
        snakemake.output[0],
        snakemake.wildcards.encoder,
        snakemake.params.encoder,
        snakemake.wildcards.field,
        read_shard(snakemake.wildcards),
        snakemake.params.threads,
        snakemake.input.get("weights"),
    )
