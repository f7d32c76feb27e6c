"""Re-rank the heads of base lists by one re-ranker, for valid and test."""

import logging

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import read_lists, write_lists
from reelrank.llm.ask.users import choose_users, users_tag
from reelrank.rerank import reranker_class, score_all
from reelrank.rerank.material import load_material
from reelrank.sharding import shard_metadata, shard_range


def main(inputs, outputs, about, reranker_block, needs, settings, history, shard=(1, 1)):
    """Write the re-ranked lists.

    Parameters
    ----------
    inputs : dict of str to path
        ``valid``, ``test`` (base lists), ``interactions``, ``split``, and the files that the re-ranker needs.
    outputs : dict of str to path
        ``valid``, ``test``.
    about : dict
        Metadata of the lists.
    reranker_block : dict
        The complete block of the config.
    needs : sequence of str
        Names of files in `reelrank.rerank.material`.
    settings : dict
        See `reelrank.rerank.material.load_material`.
    history : {'full', 'train_only'}
    shard : (int, int)
        The number of the shard of users, from 1, and the number of shards.
    """
    data = load_interactions(inputs["interactions"], inputs["split"])
    options = {key: value for key, value in reranker_block.items() if key != "type"}
    material = load_material(needs, inputs, settings, data, about)
    plug_in = reranker_class(reranker_block["type"])(options, material)
    for split, path in outputs.items():
        queries = data.queries(split, history)
        base = read_lists(inputs[split], about["depth"])[0]
        whole = choose_users(reranker_block.get("users", "all"), split, base, queries, about["depth"]).lists
        start, stop = shard_range(len(whole.users), *shard, plug_in.users_together)
        plug_in.begin(split, whole)
        lists = whole.of_rows(slice(start, stop))
        scores = score_all(plug_in, lists, queries.of(lists.users).history)
        metadata = {**about, "split": split, **shard_metadata(shard, (start, stop), len(whole.users))}
        if "users" in reranker_block:
            metadata["users"] = users_tag(reranker_block["users"])
        write_lists(lists.reordered(scores), path, metadata, lists)
        logging.info("%s: %d users, depth %d", split, *lists.items.shape)


step.run(main, snakemake)
