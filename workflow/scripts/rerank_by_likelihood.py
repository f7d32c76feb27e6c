"""Re-rank base lists by the likelihood of each candidate's title after the titles of the history."""

import logging

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import read_lists, write_lists
from reelrank.data.tables import read_table
from reelrank.hardware import make_deterministic
from reelrank.llm.ask.users import choose_users
from reelrank.llm.local.model import LocalModel
from reelrank.llm.titles import plain_titles
from reelrank.rerank.likelihood import CHUNK, likelihood_scores
from reelrank.sharding import shard_metadata, shard_range


def main(inputs, outputs, about, options, source, history, threads, shard=(1, 1)):
    """Re-rank the head of each list (`outputs` by split).

    Parameters
    ----------
    inputs : dict of str to path
        ``valid``, ``test`` (base lists), ``interactions``, ``split``, ``catalogue``.
    about : dict
    options : dict
        ``language_model``, ``history_length``, ``unconditional_weight``, ``users``.
    source : dict
        ``model``, and maybe ``adapter``, ``revision``, ``precision``, of `LocalModel`.
    history : {'full', 'train_only'}
    threads : int
    shard : (int, int)
        The number of the shard, from 1, and how many there are.
    """
    make_deterministic(threads, seed=0)
    data = load_interactions(inputs["interactions"], inputs["split"])
    titles = plain_titles(read_table(inputs["catalogue"], "items")["title"].to_pylist())
    model = LocalModel(f"language_models.{options['language_model']}", **source)
    for split, path in outputs.items():
        queries = data.queries(split, history)
        asked = choose_users(options["users"], split, read_lists(inputs[split])[0], queries, about["depth"])
        rows = shard_range(len(asked.lists.users), *shard, CHUNK)
        how = (options["history_length"], options["unconditional_weight"], rows)
        scores = likelihood_scores(model, asked.lists, asked.history, titles, *how)
        lists = asked.lists.of_rows(slice(*rows)).reordered(scores)
        metadata = {**about, "split": split, "users": options["users"]}
        metadata |= shard_metadata(shard, rows, len(asked.lists.users))
        write_lists(lists, path, metadata, asked.lists)
        logging.info("%s: %d users", split, len(lists.users))


step.run(main, snakemake)
