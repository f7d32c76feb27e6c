"""Interactions of any number in the layout of MicroLens, generated in bounded memory."""

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv

#: Users per chunk; rows are mixed within a chunk, so a file is neither sorted nor grouped by user.
CHUNK = 500_000

FIRST_MOMENT, SPAN = 1_600_000_000_000, 500 * 86_400_000


def write_pairs(path, n_rows, n_items, per_user=7.2, seed=1):
    """Write ``pairs.csv`` with `n_rows` interactions of about ``n_rows / per_user`` users.

    Histories have 3 items and a geometric rest; items are drawn by a power law, so
    a few rows repeat a (user, item) as in the published files.

    Returns
    -------
    int
        The number of users.
    """
    rng, written, first = np.random.default_rng(seed), 0, 1
    with open(path, "wb") as file:
        file.write(b"user,item,timestamp\n")
        while written < n_rows:
            wanted = min(CHUNK, int((n_rows - written) / per_user) + 1)
            lengths = 3 + rng.geometric(1 / (per_user - 2), wanted) - 1
            users = rng.permutation(np.repeat(np.arange(first, first + wanted), lengths))[: n_rows - written]
            items = 1 + (n_items * rng.random(len(users)) ** 3).astype(np.int64)
            times = FIRST_MOMENT + rng.integers(SPAN, size=len(users))
            table = pa.table({"user": users, "item": items, "timestamp": times})
            csv.write_csv(table, file, csv.WriteOptions(include_header=False))
            written, first = written + len(users), first + wanted
    return first - 1
