"""Ranks of held-out items, one per user. Every metric is computed from them."""

import numpy as np

from reelrank.data.tables import metadata, read_table


def read_ranks(path):
    """Read a file of ranks.

    Returns
    -------
    ranks : pandas.DataFrame
        Indexed by user: ``rank`` (int, 0 if the held-out item is not in the list) and
        ``raw_rank`` (int, the rank before repair; 0 also if the model's answer lacked the item).
    about : dict of str to str
        Metadata of the list.
    """
    table = read_table(path, "ranks")
    frame = table.to_pandas().set_index("user")
    for name in ("rank", "raw_rank"):
        frame[name] = frame[name].fillna(0).astype(np.int64)
    return frame, metadata(table)
