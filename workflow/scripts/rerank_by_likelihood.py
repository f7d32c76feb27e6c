"""Re-rank base lists by the likelihood of each candidate's title after the titles of the history."""

import logging
from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import read_lists, write_lists
from reelrank.data.tables import read_table
from reelrank.hardware import make_deterministic
from reelrank.llm.ask.users import choose_users
from reelrank.llm.local.model import LocalModel
from reelrank.llm.titles import plain_titles
from reelrank.rerank.likelihood import CHUNK, likelihood_scores
from reelrank.sharding import read_shard, shard_metadata, shard_range

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(inputs, outputs, about, reranker, source, history, threads, shard=(1, 1)):
    """Re-rank the head of each list (`outputs` by split).

    Parameters
    ----------
    inputs : dict of str to path
        ``valid``, ``test`` (base lists), ``interactions``, ``split``, ``catalogue``.
    about : dict
    reranker : dict
        ``language_model``, ``history_length``, ``unconditional_weight``, ``users``.
    source : dict
        ``model``, and maybe ``adapter``, ``revision``, ``precision``, of `LocalModel`.
    history : {'full', 'train_only'}
    threads : int
    shard : (int, int)
        Which part of the users, from 1, and of how many.
    """
    make_deterministic(threads, seed=0)
    data = load_interactions(inputs["interactions"], inputs["split"])
    titles = plain_titles(read_table(inputs["catalogue"], "items")["title"].to_pylist())
    model = LocalModel(f"language_models.{reranker['language_model']}", **source)
    for part, path in outputs.items():
        queries = data.queries(part, history)
        asked = choose_users(reranker["users"], part, read_lists(inputs[part])[0], queries, about["depth"])
        rows = shard_range(len(asked.lists.users), *shard, CHUNK)
        how = (reranker["history_length"], reranker["unconditional_weight"], rows)
        scores = likelihood_scores(model, asked.lists, asked.history, titles, *how)
        lists = asked.lists.of_rows(slice(*rows)).reordered(scores)
        metadata = {**about, "split": part, "users": reranker["users"]}
        metadata |= shard_metadata(shard, rows, len(asked.lists.users))
        write_lists(lists, path, metadata, asked.lists)
        logging.info("%s: %d users", part, len(lists.users))


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        dict(snakemake.input.items()),
        dict(snakemake.output.items()),
        dict(snakemake.params.about),
        snakemake.params.reranker,
        dict(snakemake.params.source),
        snakemake.params.history,
        snakemake.params.threads,
        read_shard(snakemake.wildcards),
    )
