"""Encode the pictures of the items of a shard."""

import logging

from reelrank import step
from reelrank.data.tables import read_table
from reelrank.datasets.images import list_images
from reelrank.features.encoders import build_encoder
from reelrank.features.item_images import embed_images
from reelrank.features.matrices import write_shard
from reelrank.hardware import make_deterministic
from reelrank.sharding import shard_range


def main(catalogue, folder, path, encoder, block, field, shard, threads, weights=None):
    """Write the shard `path`.

    Parameters
    ----------
    catalogue : path
        The table of items.
    folder : path
        Folder of pictures, named by item id.
    path, encoder, block, field, shard, threads, weights
        As in the step embed_text.
    """
    make_deterministic(threads, seed=0)
    item_ids = read_table(catalogue, "items")["item_id"].to_pylist()
    start, stop = shard_range(len(item_ids), *shard)
    files = list_images(folder)
    built = build_encoder(encoder, block, weights)
    paths = [files.get(int(item_id), []) for item_id in item_ids[start:stop]]
    vectors, present, counts = embed_images(built, paths, built.pooling, threads)
    about = {"encoder": encoder, "field": field, **built.description, "pooling": built.pooling}
    write_shard(path, vectors, present, start, len(item_ids), {**about, "counts": counts})
    logging.info("%d items, %d without a picture, %s", len(paths), (~present).sum(), counts)


step.run(main, snakemake)
