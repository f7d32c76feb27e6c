"""How well a list works for each slice of the users, and how far slices lie apart."""

import numpy as np

from reelrank.evaluation.csv_rows import keys
from reelrank.evaluation.slice_intervals import largest_gap, paired_difference
from reelrank.evaluation.slicing import OTHERS, UNKNOWN
from reelrank.metrics.ranking import hits, ndcg
from reelrank.metrics.statistics import wilson_interval

#: A slice of fewer users is marked, and is no part of a gap.
FEWEST_USERS = 30

COLUMNS = (
    "slice_by", "slice", "position", "n", "users", "small", "hit_rate", "hit_rate_low", "hit_rate_high", "ndcg",
    "difference", "difference_low", "difference_high",
)  # fmt: skip
GAP_COLUMNS = ("slice_by", "n", "best", "worst", "gap", "gap_low", "gap_high")


def slice_rows(ranks, base, about, slicing, users, n):
    """Return the rows of one list and one slicing; a slice without users has none.

    Parameters
    ----------
    ranks, base : pandas.DataFrame
        Of `reelrank.report.hit_rates.read_ranks`: of the list, and of its base list.
    about : dict
        Metadata of the list.
    slicing : reelrank.evaluation.slicing.Slicing
    users : numpy.ndarray
        Whom the slicing's codes are of, ascending.
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
    # The hits at its depth are the base's by construction: nothing is uncertain about a difference of 0.
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
    """Return the largest gap in hit rate among the slices of one list and slicing, or None below two large slices.

    Parameters
    ----------
    rows : sequence of dict
        Of `slice_rows`. Users without a value, and those of rare values, are no group to compare with.
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
