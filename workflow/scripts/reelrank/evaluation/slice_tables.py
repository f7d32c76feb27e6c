"""Results of a list for each slice of the users, and the largest gap between slices."""

import numpy as np

from reelrank.evaluation.csv_rows import keys
from reelrank.evaluation.slice_intervals import largest_gap, paired_difference
from reelrank.evaluation.slicing import OTHERS, UNKNOWN
from reelrank.metrics.ranking import hits, ndcg
from reelrank.metrics.statistics import wilson_interval

#: A slice with fewer users is marked as small, and gaps ignore it.
FEWEST_USERS = 30

COLUMNS = (
    "slice_by", "slice", "position", "n", "users", "small", "hit_rate", "hit_rate_low", "hit_rate_high", "ndcg",
    "difference", "difference_low", "difference_high",
)  # fmt: skip
GAP_COLUMNS = ("slice_by", "n", "best", "worst", "gap", "gap_low", "gap_high")


def slice_rows(ranks, base, about, slicing, users, n):
    """Return the rows of one list and one slicing; a slice without users has no row.

    Parameters
    ----------
    ranks, base : pandas.DataFrame
        Results of `reelrank.data.ranks.read_ranks` for the list and its base list.
    about : dict
        Metadata of the list.
    slicing : reelrank.evaluation.slicing.Slicing
    users : numpy.ndarray
        Users that the slicing's codes belong to, ascending.
    n : int
    """
    shared = ranks.index.intersection(base.index)
    rank, base_rank = (table.loc[shared, "rank"].to_numpy() for table in (ranks, base))
    codes = slicing.codes[np.searchsorted(users, shared.to_numpy())]
    hit, base_hit = hits(rank, n), hits(base_rank, n)
    count = lambda values: np.bincount(codes, values, minlength=len(slicing.labels))  # noqa: E731
    size, found, gained, lost = (
        count(values).astype(int) for values in (np.ones(len(codes)), hit, hit & ~base_hit, base_hit & ~hit)
    )
    gain = count(ndcg(rank, n))
    # Hits at the depth equal the base list's by construction, so a difference of 0 is certain.
    structural = about["reranker"] == "identity" or n >= int(about["depth"])
    rows = []
    for position in np.flatnonzero(size):
        low, high = wilson_interval(found[position], size[position])
        between = (0.0, 0.0) if structural else paired_difference(gained[position], lost[position], size[position])
        rows.append(
            {
                **keys(about),
                "slice_by": slicing.name,
                "slice": slicing.labels[position],
                "position": int(position) + 1,
                "n": n,
                "users": int(size[position]),
                "small": bool(size[position] < FEWEST_USERS),
                "hits": int(found[position]),
                "hit_rate": found[position] / size[position],
                "hit_rate_low": low,
                "hit_rate_high": high,
                "ndcg": gain[position] / size[position],
                "difference": (gained[position] - lost[position]) / size[position],
                "difference_low": between[0],
                "difference_high": between[1],
            }
        )
    return rows


def gap_row(rows):
    """Return the largest gap in hit rate among the slices of one list; None with fewer than two large slices.

    Parameters
    ----------
    rows : sequence of dict
        Result of `slice_rows`. Slices of unknown and of rare values are ignored.
    """
    large = [row for row in rows if not row["small"] and row["slice"] not in (UNKNOWN, OTHERS)]
    if len(large) < 2:
        return None
    best, worst, gap, low, high = largest_gap([row["hits"] for row in large], [row["users"] for row in large])
    kept = {name: value for name, value in large[0].items() if name not in COLUMNS or name in ("slice_by", "n")}
    return {
        **kept,
        "best": large[best]["slice"],
        "worst": large[worst]["slice"],
        "gap": gap,
        "gap_low": low,
        "gap_high": high,
    }
