"""Quality of a generative re-ranker's answers: their faults, and how much the order of the prompt decides them."""

import json

import numpy as np

from reelrank.data.tables import metadata
from reelrank.evaluation.csv_rows import keys
from reelrank.llm.answers.parsed_lists import COUNTS
from reelrank.llm.answers.rankings import FAULTS
from reelrank.metrics.ranking import hits
from reelrank.metrics.statistics import wilson_interval

#: Strategies whose prompts show several candidates in an order.
WITH_ORDER = ("listwise", "letter_logits")

POSITION_COLUMNS = ("position", "n", "users", "shown", "hit_rate", "hit_rate_low", "hit_rate_high")
ANSWER_COLUMNS = (
    "split", "requests", "compared", "unchanged_share", "order_correlation", *(f"fault_{fault}" for fault in FAULTS),
    *COUNTS,
)  # fmt: skip


def has_order(answers):
    """Return whether the strategy shows several candidates in one prompt, so that their order can sway the model."""
    return json.loads(metadata(answers)["options"])["strategy"] in WITH_ORDER


def position_rows(parsing, about, rank, base_rank, n):
    """Return the hit rate by the position of the held-out item in the prompt.

    Parameters
    ----------
    parsing : pyarrow.Table
        Table of contract ``parsing``, of a strategy with an order (`has_order`).
    about : dict
        Metadata of the list.
    rank, base_rank : pandas.Series
        Rank of the held-out item by user, in the list and in its base list; 0 if it is not there.
    n : int

    Returns
    -------
    list of dict
        Each permutation of a list counts once (``shown``). Of sliding windows, the last one that shows the item
        counts, because it decides. Hits are those of the final list.
    """
    user, permutation, step = (parsing[name].to_numpy() for name in ("user", "permutation", "step"))
    row, place, shown = _flat(parsing["shown"])
    truth = base_rank.reindex(user, fill_value=0).to_numpy() - 1
    found = (shown == truth[row]) & (np.bincount(row, minlength=len(user))[row] > 1)
    row, place = row[found], place[found]
    order = np.lexsort((step[row], permutation[row], user[row]))
    row, place = row[order], place[order]
    same = (user[row][1:] == user[row][:-1]) & (permutation[row][1:] == permutation[row][:-1])
    last = np.r_[~same, True] if len(row) else np.zeros(0, bool)
    row, place = row[last], place[last]
    hit = hits(rank.reindex(user[row], fill_value=0).to_numpy(), n)
    rows = []
    for position in np.unique(place):
        here = place == position
        users, rate = len(np.unique(user[row][here])), float(hit[here].mean())
        low, high = wilson_interval(round(rate * users), users)
        rows.append(
            {
                **keys(about),
                "position": int(position) + 1,
                "n": n,
                "users": users,
                "shown": int(here.sum()),
                "hit_rate": rate,
                "hit_rate_low": low,
                "hit_rate_high": high,
            }
        )
    return rows


def answer_row(parsing, about, split, with_order):
    """Return the counts, correlations and faults of the answers of one split.

    Parameters
    ----------
    parsing : pyarrow.Table
    about : dict
    split : {'valid', 'test'}
    with_order : bool
        Result of `has_order`.

    Returns
    -------
    dict
        ``compared``: number of answers with at least two returned candidates. ``unchanged_share`` (share in the
        order of the prompt) and ``order_correlation`` (mean Spearman correlation with that order) use these answers
        only; lost candidates do not count. ``fault_*``: number of answers by gravest fault. All other columns: number
        of entries in all answers.
    """
    correlations = _order_correlations(parsing) if with_order else np.zeros(0)
    faults = parsing["fault"].to_pylist()
    return {
        **keys(about),
        "split": split,
        "requests": len(parsing),
        "compared": len(correlations),
        "unchanged_share": (correlations == 1).mean() if len(correlations) else np.nan,
        "order_correlation": correlations.mean() if len(correlations) else np.nan,
        **{f"fault_{fault}": faults.count(fault) for fault in FAULTS},
        **{name: int(parsing[name].to_numpy().sum(dtype=np.int64)) for name in COUNTS},
    }


def _order_correlations(parsing):
    """Return Spearman's correlation of answer and prompt order for each answer with two or more candidates.

    There are no ties, so it is ``1 - 6 sum(d^2) / (m (m^2 - 1))`` for m candidates, exactly 1 if nothing moved.
    """
    row, place, label = _flat(parsing["order"])
    lengths = np.bincount(row, minlength=len(parsing))
    returned = lengths - parsing["missing"].to_numpy()
    kept = place < returned[row]  # lost candidates stand last
    row, place, label = row[kept], place[kept], label[kept]
    # The rank of a label among those returned: sort by label within each row, count, and put back.
    order = np.lexsort((label, row))
    among = np.empty(len(row), np.int64)
    among[order] = place  # places are 0, 1, ... within a row, and rows are in order
    squared = np.bincount(row, (among - place) ** 2, minlength=len(parsing))
    m = returned[returned > 1].astype(float)
    return 1 - 6 * squared[returned > 1] / (m * (m**2 - 1))


def _flat(column):
    """Return the entries of a column of lists: row, place within the row (from 0) and value of each."""
    column = column.combine_chunks()
    lengths = column.value_lengths().to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return row, place, column.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
