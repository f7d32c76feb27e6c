"""Cost of lists: requests, tokens and dollars, in total and per 1,000 users, and the time that a list waits."""

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from reelrank.evaluation.csv_rows import keys

AMOUNTS = ("requests", "input_tokens", "output_tokens", "usd")
COLUMNS = ("users", *AMOUNTS, *(f"{name}_per_1000_users" for name in AMOUNTS), "ms_p50", "ms_p95")


def count_users(path):
    """Return the number of users in a file of contract ``list``; only that column is read."""
    return pc.count_distinct(pq.read_table(path, columns=["user"])["user"]).as_py()


def cost_row(about, users, answers, prices):
    """Return the cost of the lists of both splits.

    Parameters
    ----------
    about : dict
        Metadata of a list.
    users : int
        Number of lists of both splits: a user with a valid and a test list counts twice.
    answers : sequence of pyarrow.Table
        Tables of contract ``answers``; empty if no request is sent. A request that two lists share is paid once.
    prices : tuple of (float, float) or None
        Dollars per million input and output tokens; (0, 0) for a model in this process; None if unknown.
    """
    paid = {}
    for table in answers:
        columns = (table[name].to_pylist() for name in ("key", "input_tokens", "output_tokens"))
        paid.update({key: tokens for key, *tokens in zip(*columns, strict=True)})
    tokens = np.array(list(paid.values()), np.int64).reshape(-1, 2).sum(0)
    amounts = {
        "requests": sum(len(table) for table in answers),
        "input_tokens": int(tokens[0]),
        "output_tokens": int(tokens[1]),
        "usd": np.nan if prices is None else float(tokens @ np.array(prices, float)) / 1e6,
    }
    waits = milliseconds_of_lists(answers)
    times = dict(
        zip(("ms_p50", "ms_p95"), np.quantile(waits, [0.5, 0.95]) if len(waits) else (np.nan,) * 2, strict=True)
    )
    each = {f"{name}_per_1000_users": 1000 * amounts[name] / users if users else np.nan for name in AMOUNTS}
    return {**keys(about), "users": users, **amounts, **each, **times}


def milliseconds_of_lists(answers):
    """Return how long each list waited for its answers in ms: the sum over its requests, which follow each other.

    Requests of several permutations of one list may run at the same time; each permutation counts as a list here. The
    times are those of the run, under its number of simultaneous requests; an answer of the cache keeps its time.

    Parameters
    ----------
    answers : sequence of pyarrow.Table
        Tables of contract ``answers``.
    """
    found = []
    for table in answers:
        columns = table.select(["user", "permutation", "latency_s"])
        sums = columns.group_by(["user", "permutation"]).aggregate([("latency_s", "sum")])
        found.append(1000 * sums["latency_s_sum"].to_numpy())
    return np.concatenate(found) if found else np.zeros(0)
