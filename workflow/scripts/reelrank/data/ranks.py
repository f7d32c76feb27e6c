"""Ranks of held-out items, one per user: what every metric is made of."""

import numpy as np

from reelrank.data.tables import metadata, read_table


def read_ranks(path):
    """Read a file of ranks.

    Returns
    -------
    ranks : pandas.DataFrame
        Indexed by user: ``rank`` (int, 0 where the held-out item is not in the list) and
        ``raw_rank`` (int, the same before repair: 0 also where a model lost the item).
    about : dict of str to str
        Metadata of the list.
    """
    table = read_table(path, "ranks")
    frame = table.to_pandas().set_index("user")
    for name in ("rank", "raw_rank"):
        frame[name] = frame[name].fillna(0).astype(np.int64)
    return frame, metadata(table)
