"""Find the rank of each user's held-out item in the lists of all re-rankers over one base model."""

import pyarrow as pa

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import read_about, read_lists, read_users
from reelrank.data.tables import write_table
from reelrank.files import read_json
from reelrank.metrics.ranking import ranks_in_lists, with_known_misses


def main(interactions, split, lists, plan, ranks):
    """Write one table of ranks per list, with the list's metadata (`ranks` and `lists` have the same order).

    The metadata also have ``test_plan``, the digest of `plan`.

    If a re-ranker was asked only about users whose held-out item is in its list (metadata
    ``users: hits``), the other users of the base list are misses. The ranks are the same as if
    it had been asked about all users.
    """
    data = load_interactions(interactions, split)
    digest = read_json(plan)["digest"]
    queries = {name: data.queries(name) for name in ("valid", "test")}
    abouts = [read_about(path) for path in lists]
    bases = {about["split"]: path for path, about in zip(lists, abouts, strict=True) if about["reranker"] == "identity"}
    for path, about, rank_path in zip(lists, abouts, ranks, strict=True):
        read, _ = read_lists(path)  # one at a time: lists of many users are large
        asked = queries[about["split"]]
        rank, raw_rank = ranks_in_lists(read, asked.users, asked.targets)
        users = read.users
        if about.get("users") == "hits":
            everyone = read_users(bases[about["split"]])
            rank, raw_rank = with_known_misses(users, (rank, raw_rank), everyone)
            users = everyone
        columns = {
            "user": users,
            "rank": pa.array(rank, pa.int16(), mask=rank == 0),
            "in_list": rank > 0,
            "raw_rank": pa.array(raw_rank, pa.int16(), mask=raw_rank == 0),
        }
        write_table(columns, "ranks", rank_path, {**about, "test_plan": digest})


step.run(main, snakemake)
