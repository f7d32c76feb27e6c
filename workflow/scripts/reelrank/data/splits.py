"""Evaluation protocols: which interactions are for training, and which are predicted.

In every protocol a user's training interactions are the oldest ones: a prefix of
the user's history.
"""

import numpy as np
import pyarrow as pa

from reelrank.data.tables import SPLITS
from reelrank.errors import InputError, suggest

TRAIN, VALID, TEST, UNUSED = range(4)


def leave_one_out(user, timestamp=None, training_share=1.0, seed=1, drop_last=0):
    """Assign each user's last interaction to test and the last but one to valid.

    With a `training_share` below 1, only the drawn users' interactions before the valid target are for training. Those
    of the other users are unused, but still their history when their targets are predicted. The targets are the same
    for every share. So runs with several shares are a learning curve.

    With `drop_last`, each user's last interactions are set aside first. So the test targets are interactions that were
    no targets before: what was chosen while looking at other test figures can be confirmed on them.

    Parameters
    ----------
    user : numpy.ndarray
        ``(n_rows,)`` user indices, sorted; each user's rows are in order of time.
    timestamp : ignored
        Present so that all protocols have the same signature.
    training_share : float
        Share of the users with 3 interactions or more that are drawn, above 0 to 1; at least one user is.
    seed : int
        Seed of the draw. With one seed, the users of a smaller share are among those of a larger share.
    drop_last : int
        Number of interactions that are set aside at the end of each history; they are unused.

    Returns
    -------
    codes : numpy.ndarray
        ``(n_rows,)`` int8 indices into `reelrank.data.tables.SPLITS`.
    counts : dict of str to int
        Users with a target, and users without one (fewer than 3 interactions that are not set aside).
    """
    from_end = _from_end(user) - drop_last
    long_enough = np.bincount(user)[user] >= 3 + drop_last
    codes = np.full(len(user), TRAIN, np.int8)
    codes[from_end == 1] = VALID
    codes[from_end == 0] = TEST
    codes[~long_enough | (from_end < 0)] = UNUSED
    if training_share < 1:
        last = from_end == 0
        drawn = _drawn(user[last], long_enough[last], training_share, seed, user.max() + 1)
        codes[(codes == TRAIN) & ~drawn[user]] = UNUSED
    counts = _counts(user, codes)
    if drop_last:
        counts["interactions_set_aside"] = int((from_end < 0).sum())
    return codes, counts


def _drawn(users, eligible, share, seed, n_users):
    """Return which users are drawn, ``(n_users,)`` bool.

    Parameters
    ----------
    users : numpy.ndarray
        ``(n,)`` user indices, each once.
    eligible : numpy.ndarray
        ``(n,)`` bool.
    """
    chosen = users[eligible]
    order = np.random.default_rng(seed).permutation(chosen)
    drawn = np.zeros(n_users, bool)
    drawn[order[: max(1, round(share * len(order)))]] = True
    return drawn


def temporal(user, timestamp, valid_quantile=0.8, test_quantile=0.9, min_history=1):
    """Split at two times that are the same for all users.

    Interactions up to the first cut are for training. A user's first interaction between
    the cuts is the valid target; the first after the second cut is the test target. All
    others after the first cut are neither training interactions nor targets. The history
    for the test target includes those before it.

    Parameters
    ----------
    user, timestamp : numpy.ndarray
        ``(n_rows,)``, sorted by user and time; `timestamp` in milliseconds.
    valid_quantile, test_quantile : float
        Quantiles of all timestamps at which the two cuts are.
    min_history : int
        Users with fewer training interactions have no target.

    Returns
    -------
    codes, counts
        As in `leave_one_out`.
    """
    if not timestamp.any():
        raise InputError(
            "protocol 'temporal': the dataset has no timestamps (a .tsv of pairs has none); use the .csv of pairs"
        )
    if not 0 < valid_quantile < test_quantile < 1:
        raise InputError(
            f"config key protocols.temporal: found quantiles {valid_quantile} and {test_quantile}; "
            "expected 0 < valid_quantile < test_quantile < 1"
        )
    first_cut, second_cut = np.quantile(timestamp, [valid_quantile, test_quantile], method="lower")
    codes = np.where(timestamp <= first_cut, TRAIN, UNUSED).astype(np.int8)
    enough = np.bincount(user, weights=codes == TRAIN)[user] >= min_history
    codes[_first_of_user(user, (timestamp > first_cut) & (timestamp <= second_cut) & enough)] = VALID
    codes[_first_of_user(user, (timestamp > second_cut) & enough)] = TEST
    counts = _counts(user, codes)
    counts["users_without_enough_history"] = int(len(np.unique(user)) - len(np.unique(user[enough])))
    counts["first_cut"], counts["second_cut"] = int(first_cut), int(second_cut)
    return codes, counts


#: Protocols by name.
PROTOCOLS = {"leave_one_out": leave_one_out, "temporal": temporal}


def split(protocol, user, timestamp, options):
    """Apply the protocol of that name; see `leave_one_out` and `temporal`.

    Parameters
    ----------
    protocol : str
        A key of `PROTOCOLS`.
    user, timestamp : numpy.ndarray
    options : dict
        The options of this protocol.
    """
    if protocol not in PROTOCOLS:
        raise InputError(f"unknown protocol {protocol!r}; {suggest(protocol, PROTOCOLS)}")
    codes, counts = PROTOCOLS[protocol](user, timestamp, **options)
    counts["later_training_share"] = later_training_share(timestamp, codes)
    for split in ("valid", "test"):
        if not counts[f"{split}_users"]:
            raise InputError(
                f"protocol {protocol!r}: no user has a {split} target ({counts}); expected at least one, use more data"
            )
    return codes, counts


def later_training_share(timestamp, codes):
    """Return the mean over the test targets of the share of training interactions that are later; None without times.

    A model learns from these interactions before they happened, as seen from the target.
    """
    trained, targets = np.sort(timestamp[codes == TRAIN]), timestamp[codes == TEST]
    if not timestamp.any() or not len(trained) or not len(targets):
        return None
    later = len(trained) - np.searchsorted(trained, targets, side="right")
    return round(float(later.mean() / len(trained)), 6)


def split_table(user, position, codes):
    """Return the table of contract ``split``."""
    column = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), pa.array(SPLITS))
    return pa.table({"user": user, "position": position, "split": column})


def item_statistics(item, timestamp, codes, n_items):
    """Return the table of contract ``item_statistics``, computed from training interactions."""
    train = codes == TRAIN
    item, timestamp = item[train], timestamp[train]
    first = np.full(n_items, np.iinfo(np.int64).max)
    last = np.full(n_items, np.iinfo(np.int64).min)
    np.minimum.at(first, item, timestamp)
    np.maximum.at(last, item, timestamp)
    popularity = np.bincount(item, minlength=n_items)
    never = popularity == 0
    return pa.table(
        {
            "item": np.arange(n_items, dtype=np.int32),
            "popularity": popularity.astype(np.int64),
            "first_timestamp": pa.array(first, pa.int64(), mask=never),
            "last_timestamp": pa.array(last, pa.int64(), mask=never),
        }
    )


def _from_end(user):
    """Return the number of later rows of the same user for each row."""
    lengths = np.bincount(user)
    ends = np.cumsum(lengths)
    return ends[user] - 1 - np.arange(len(user))


def _first_of_user(user, eligible):
    """Return the row indices of each user's first eligible row."""
    rows = np.flatnonzero(eligible)
    _, first = np.unique(user[rows], return_index=True)
    return rows[first]


def _counts(user, codes):
    n_users = len(np.unique(user))
    counts = {"users": n_users}
    for name, code in (("valid", VALID), ("test", TEST)):
        with_target = int((codes == code).sum())
        counts[f"{name}_users"] = with_target
        counts[f"users_without_{name}_target"] = n_users - with_target
    counts["users_in_training"] = len(np.unique(user[codes == TRAIN]))
    counts["train_interactions"] = int((codes == TRAIN).sum())
    counts["unused_interactions"] = int((codes == UNUSED).sum())
    return counts
