"""Write a base model's list of the best unseen items per user, for valid and for test."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data import load_interactions
from reelrank.hardware import make_deterministic, pick_device
from reelrank.lists import RankedLists, write_lists
from reelrank.models import load_model
from reelrank.topk import top_k

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(interactions_path, split_path, weights_path, outputs, about, history, precision, threads, deterministic=True):
    """Write the base lists (`outputs` by split), `about` in their metadata."""
    make_deterministic(threads, 0, deterministic)
    data = load_interactions(interactions_path, split_path)
    model = load_model(Path(weights_path).parent, pick_device())
    for part, path in outputs.items():
        queries = data.queries(part, history)
        items, scores = top_k(model, queries, about["depth"], precision)
        write_lists(RankedLists(queries.users, items, scores), path, {**about, "split": part})
        logging.info("%s: %d users, depth %d", part, *items.shape)
        del items, scores  # of many users they are large, and the next part makes its own


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        snakemake.input.interactions,
        snakemake.input.split,
        snakemake.input.weights,
        dict(snakemake.output.items()),
        dict(snakemake.params.about),
        snakemake.params.history,
        snakemake.params.precision,
        snakemake.params.threads,
        snakemake.params.deterministic,
    )
