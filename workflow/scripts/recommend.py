"""Write a base model's list of the best unseen items per user, for valid and for test."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import RankedLists, write_lists
from reelrank.hardware import make_deterministic, pick_device, set_threads_and_seed
from reelrank.models import load_model
from reelrank.sharding import read_shard, shard_metadata, shard_range
from reelrank.training.topk import top_k, users_per_chunk

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(inputs, outputs, about, history, precision, threads, deterministic=True, shard=(1, 1)):
    """Write base lists.

    Parameters
    ----------
    inputs : dict of str to path
        ``interactions``, ``split``, ``weights``.
    outputs : dict of str to path
        By split.
    about : dict
        Metadata of the lists.
    history : {'full', 'train_only'}
    precision : str
        One of `reelrank.hardware.PRECISIONS`.
    threads : int
    deterministic : bool
    shard : (int, int)
        Which part of the users, from 1, and of how many.
    """
    (make_deterministic if deterministic else set_threads_and_seed)(threads, 0)
    data = load_interactions(inputs["interactions"], inputs["split"])
    model = load_model(Path(inputs["weights"]).parent, pick_device())
    for part, path in outputs.items():
        everyone = data.queries(part, history)
        rows = shard_range(len(everyone), *shard, users_per_chunk(data.n_items))
        queries = everyone[slice(*rows)]
        items, scores = top_k(model, queries, about["depth"], precision)
        metadata = {**about, "split": part, **shard_metadata(shard, rows, len(everyone))}
        write_lists(RankedLists(queries.users, items, scores), path, metadata)
        logging.info("%s: %d users, depth %d", part, *items.shape)
        del items, scores  # of many users they are large, and the next part makes its own


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        dict(snakemake.input.items()),
        dict(snakemake.output.items()),
        dict(snakemake.params.about),
        snakemake.params.history,
        snakemake.params.precision,
        snakemake.params.threads,
        snakemake.params.deterministic,
        read_shard(snakemake.wildcards),
    )
