"""Test that lists hit randomly drawn held-out items at the rate of chance.

A user's redrawn item is uniform among the items that the user did not have. A list that was
made without it holds it among its first n with probability n / (catalogue - had).
"""

import numpy as np
from scipy.stats import binom

from reelrank.audit.checks import Check, row_keys, row_name
from reelrank.audit.targets import places

#: Probability that an honest run fails, over all rows of a protocol together (Bonferroni).
LEVEL = 0.001


def expected_rates(lengths, pools, n):
    """Return each user's chance of a hit at `n`: list entries up to `n` divided by the items to draw from."""
    return np.minimum(np.minimum(lengths, n) / np.maximum(pools, 1), 1.0)


def against_chance(hits, rates, level):
    """Return a two-sided test of a number of hits against chance.

    The hits of users with different rates are Poisson-binomial. Away from the mean, its tails
    are at most those of the binomial with the mean rate (Hoeffding, "On the distribution of the
    number of successes in independent trials", Annals of Mathematical Statistics 1956), so the
    test keeps its level.

    Parameters
    ----------
    hits : int
    rates : numpy.ndarray
        ``(n_users,)``.
    level : float

    Returns
    -------
    dict
        ``expected``, ``low`` and ``high`` (the range of hits at chance), ``p_value``, ``at_chance``.
    """
    users, rate = len(rates), float(rates.mean()) if len(rates) else 0.0
    chance = binom(users, rate)
    p_value = min(1.0, 2 * min(chance.cdf(hits), chance.sf(hits - 1)))
    return {
        "expected": round(users * rate, 6),
        "low": int(max(chance.ppf(level / 2), 0)),
        "high": int(chance.isf(level / 2)),
        "p_value": float(f"{p_value:.6g}"),
        "at_chance": bool(p_value >= level),
    }


def outcomes(lists, about, base, targets):
    """Return what the test of one list needs: positions of the targets, lengths of the lists, pool sizes.

    With ``users: hits``, users who were not asked count as misses, and their lists have the length
    of the base list's head.
    """
    asked = base.head(int(about["depth"])) if about.get("users") == "hits" else lists
    rows, _ = targets.of(asked.users)
    place = np.zeros(len(asked.users), np.int64)
    place[np.searchsorted(asked.users, lists.users)] = places(lists, targets)
    return place, asked.present.sum(1), targets.pools[rows]


def is_fitted_on(about, fitted):
    """Return whether a list is a valid list of a re-ranker in `fitted`, which was fitted on the same targets."""
    return about["reranker"] in fitted and about["split"] == "valid"


def chance_check(found, cutoffs, what, fitted=()):
    """Return the check that every row hits at the rate of chance.

    Parameters
    ----------
    found : sequence of (dict, tuple)
        Metadata and `outcomes` of each list under redrawn targets.
    cutoffs : sequence of int
    what : str
        Description of the check.
    fitted : collection of str
        Re-rankers whose valid lists are scored by weights fitted on the same lists; these lists are skipped.
        Cross-fitted re-rankers do not belong here.
    """
    check = Check("redrawn targets", what)
    rows = [
        (about, n, *outcome)
        for about, outcome in found
        if not is_fitted_on(about, fitted)
        for n in sorted({n for n in cutoffs if n <= int(about["depth"])} | {int(about["depth"])})
    ]
    level = LEVEL / max(1, len(rows))
    for about, n, place, lengths, pools in rows:
        hits = int(((place > 0) & (place <= n)).sum())
        test = against_chance(hits, expected_rates(lengths, pools, n), level)
        check.rows.append({**row_keys(about), "n": n, "users": len(place), "hits": hits, **test})
        if not test["at_chance"]:
            check.fail(
                row_name(about),
                [
                    f"{hits} hits at {n} of {len(place)} users whose held-out item was drawn at random; expected "
                    f"{test['low']} to {test['high']} (chance {test['expected']:.1f}, p = {test['p_value']:.2g})"
                ],
            )
    return check
