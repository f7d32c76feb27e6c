"""Interactions of any number in the layout of MicroLens, generated in bounded memory."""

import contextlib

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv

#: Users per chunk; rows are mixed within a chunk, so a file is neither sorted nor grouped by user.
CHUNK = 500_000

FIRST_MOMENT, SPAN = 1_600_000_000_000, 500 * 86_400_000


def write_raw(paths, n_rows, n_items, per_user=7.2, seed=1):
    """Write `n_rows` interactions of about ``n_rows / per_user`` users, and a comment of each where a path is given.

    Histories have 3 items and a geometric rest; items are drawn by a power law, so
    a few rows repeat a (user, item) as in the published files.

    Parameters
    ----------
    paths : dict of str to path
        ``interactions`` and, if wanted, ``comments``.

    Returns
    -------
    int
        The number of users.
    """
    texts = pa.array(["so good, and again " * (1 + number % 3) + str(number) for number in range(1000)])
    rng, written, first = np.random.default_rng(seed), 0, 1
    with contextlib.ExitStack() as stack:
        files = {role: stack.enter_context(open(path, "wb")) for role, path in paths.items()}
        files["interactions"].write(b"user,item,timestamp\n")
        while written < n_rows:
            wanted = min(CHUNK, int((n_rows - written) / per_user) + 1)
            lengths = 3 + rng.geometric(1 / (per_user - 2), wanted) - 1
            users = rng.permutation(np.repeat(np.arange(first, first + wanted), lengths))[: n_rows - written]
            items = 1 + (n_items * rng.random(len(users)) ** 3).astype(np.int64)
            times = FIRST_MOMENT + rng.integers(SPAN, size=len(users))
            table = pa.table({"user": users, "item": items, "timestamp": times})
            csv.write_csv(table, files["interactions"], csv.WriteOptions(include_header=False))
            if "comments" in files:
                said = table.set_column(2, "comment", texts.take(rng.integers(len(texts), size=len(users))))
                plain = csv.WriteOptions(include_header=False, delimiter="\t", quoting_style="none")
                csv.write_csv(said, files["comments"], plain)
            written, first = written + len(users), first + wanted
    return first - 1


def prepare_raw(folder, fields):
    """Do what the step does with the files of `write_raw` in `folder`; importable, for a process of its own."""
    from prepare import main

    from reelrank.data import comments, preparation
    from reelrank.datasets import comment_file, reading

    # Small files too are done in parts, or what a part takes would count as memory of its rows.
    reading.SLICE, preparation.BLOCK, comments.ROWS, comment_file.BATCH = 2**20, 2**16, 2**15, 2**13
    outputs = {name: folder / name for name in ("interactions", "catalogue", "users", "comments", "statistics")}
    paths = {"interactions": folder / "pairs.csv", "comments": folder / "comments.txt"}
    main(paths, outputs, "microlens", fields, {}, 3, {})
