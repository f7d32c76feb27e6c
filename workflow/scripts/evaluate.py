"""Find each user's held-out item in the lists of all re-rankers over one base model."""

from typing import TYPE_CHECKING

import pyarrow as pa

from reelrank import step
from reelrank.data import load_interactions
from reelrank.lists import read_lists
from reelrank.metrics import ranks_in_lists
from reelrank.tables import write_table

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(interactions_path, split_path, list_paths, rank_paths):
    """Write one table of ranks per list; the list's metadata goes with it."""
    data = load_interactions(interactions_path, split_path)
    queries = {part: data.queries(part) for part in ("valid", "test")}
    for list_path, rank_path in zip(list_paths, rank_paths, strict=True):
        lists, about = read_lists(list_path)
        asked = queries[about["split"]]
        rank, repaired = ranks_in_lists(lists, asked.users, asked.targets)
        columns = {
            "user": lists.users,
            "rank": pa.array(rank, pa.int16(), mask=rank == 0),
            "in_list": rank > 0,
            "repaired": repaired,
        }
        write_table(columns, "ranks", rank_path, about)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(snakemake.input.interactions, snakemake.input.split, snakemake.input.lists, snakemake.output)
