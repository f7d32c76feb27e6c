"""Write the best unseen items of each user by a base model, for valid and test."""

import logging
from pathlib import Path

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import RankedLists, write_lists
from reelrank.hardware import make_deterministic, pick_device, set_threads_and_seed
from reelrank.models import load_model
from reelrank.sharding import shard_metadata, shard_range
from reelrank.training.topk import top_k, users_per_chunk


def main(inputs, outputs, about, history, precision, threads, deterministic=True, shard=(1, 1)):
    """Write base lists.

    Parameters
    ----------
    inputs : dict of str to path
        ``interactions``, ``split``, ``weights``.
    outputs : dict of str to path
        One path per split.
    about : dict
        Metadata of the lists.
    history : {'full', 'train_only'}
    precision : str
        One of `reelrank.hardware.PRECISIONS`.
    threads : int
    deterministic : bool
    shard : (int, int)
        The number of the shard, from 1, and the number of shards.
    """
    (make_deterministic if deterministic else set_threads_and_seed)(threads, 0)
    data = load_interactions(inputs["interactions"], inputs["split"])
    model = load_model(Path(inputs["weights"]).parent, pick_device())
    for split, path in outputs.items():
        everyone = data.queries(split, history)
        rows = shard_range(len(everyone), *shard, users_per_chunk(data.n_items))
        queries = everyone[slice(*rows)]
        items, scores = top_k(model, queries, about["depth"], precision)
        metadata = {**about, "split": split, **shard_metadata(shard, rows, len(everyone))}
        write_lists(RankedLists(queries.users, items, scores), path, metadata)
        logging.info("%s: %d users, depth %d", split, *items.shape)
        del items, scores  # free the memory before the next split


step.run(main, snakemake)
