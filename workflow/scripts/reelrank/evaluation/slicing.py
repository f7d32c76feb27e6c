"""Slices of the test users: by history length, by the popularity of the held-out item, by any profile column."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

#: Labels of users with an unknown value and with a rare value; gaps ignore these slices.
UNKNOWN, OTHERS = "unknown", "other values"

#: A numeric column with more distinct values is cut into terciles.
MOST_NUMBERS = 10

#: A text column with more distinct values keeps its most frequent ones.
MOST_TEXTS = 50

#: Lower ends of MovieLens' age bands (README of MovieLens 1M).
AGE_BANDS = (18, 25, 35, 45, 50, 56)

#: Share of the training interactions that belongs to the head (most popular items) and to the tail (least popular)
#: (Abdollahpouri, Mansoury, Burke, Mobasher & Malthouse, UMAP 2021).
HEAD_SHARE = TAIL_SHARE = 0.2

#: Columns of the table of users that are not profile columns.
NO_PROFILE = ("user", "user_id", "length")


@dataclass(frozen=True)
class Slicing:
    """One way to cut the users into slices.

    Attributes
    ----------
    name : str
    labels : tuple of str
        In order.
    codes : numpy.ndarray
        ``(n,)`` index into `labels` for each user.
    """

    name: str
    labels: tuple
    codes: np.ndarray


def slicings(queries, popularity, users):
    """Return every slicing of the users of `queries`.

    Parameters
    ----------
    queries : reelrank.data.interactions.Queries
    popularity : numpy.ndarray
        ``(n_items,)`` training interactions.
    users : pyarrow.Table
        Table of contract ``users``, one row per user; each profile column is a slicing.
    """
    lengths = queries.seen.ends - queries.seen.starts
    made = [
        _coded("history_length", *terciles(lengths)),
        _coded("item_popularity", *by_popularity(popularity, queries.targets)),
    ]
    for name in users.column_names:
        if name not in NO_PROFILE:
            taken = {one.name for one in made}
            column = users[name].take(pa.array(queries.users))
            made.append(_coded(f"user {name}" if name in taken else name, *by_column(name, column)))
    return made


def _coded(name, labels, codes):
    """Return a slicing without the labels that nobody has."""
    kept, codes = np.unique(codes, return_inverse=True)
    return Slicing(name, tuple(labels[code] for code in kept), codes.reshape(-1))


def terciles(values):
    """Return numbers cut into three groups of about a third of the users each; equal numbers stay together.

    Returns
    -------
    labels : list of str
        ``3-5``: least and largest number of the group; ``3`` if they are equal.
    codes : numpy.ndarray
        Fewer than three groups if many numbers are equal.
    """
    ordered = np.sort(values)
    ends = [ordered[max(0, -(-len(values) * third // 3) - 1)] for third in (1, 2)] if len(values) else [0, 0]
    codes = np.searchsorted(ends, values, side="left")
    groups = [values[codes == code] for code in range(3)]
    return [_span(group.min(), group.max()) if len(group) else "" for group in groups], codes


def _span(least, most):
    if least == most:
        return _number(least)
    return f"{_number(least)}{'-' if least >= 0 else ' to '}{_number(most)}"


def _number(value):
    return str(int(value)) if value == int(value) else repr(float(value))


def by_popularity(popularity, targets):
    """Return held-out items grouped into cold (no training interaction), tail, middle and head.

    Head: the most popular items, with the first 20% of the training interactions. Tail: the least popular items, with
    the last 20%. Items of equal popularity stay together.
    """
    counts, items = np.unique(popularity, return_counts=True)
    mass = counts * items
    above, below = mass[::-1].cumsum()[::-1] - mass, mass.cumsum() - mass
    head, tail = above < HEAD_SHARE * mass.sum(), below < TAIL_SHARE * mass.sum()
    codes = np.where(head & ~tail, 3, np.where(tail & ~head, 1, 2))
    codes[counts == 0] = 0
    names = ("cold", "tail", "middle", "head")
    groups = [counts[codes == code] for code in range(4)]
    labels = [
        f"{name} ({_span(group.min(), group.max())})" if len(group) else ""
        for name, group in zip(names, groups, strict=True)
    ]
    return labels, codes[np.searchsorted(counts, popularity[targets])]


def by_column(name, column):
    """Return users grouped by a profile column: ages in bands, numbers by value or in terciles, all else by value.

    Parameters
    ----------
    name : str
        ``age`` is cut into MovieLens' bands.
    column : pyarrow.Array or pyarrow.ChunkedArray
        Nulls, NaN, infinity and empty texts are unknown.
    """
    kind = column.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        numbers = np.array([np.nan if value is None else float(value) for value in column.to_pylist()], float)
        known = np.isfinite(numbers)
        labels, codes = _by_number(name, numbers[known])
    else:
        texts = np.array(["" if value is None else _text(value) for value in column.to_pylist()], object)
        known = texts != ""
        labels, codes = _by_text(texts[known])
    all_codes = np.full(len(known), len(labels))
    all_codes[known] = codes
    if UNKNOWN in labels:  # a value with this name counts as unknown too
        all_codes[~known] = labels.index(UNKNOWN)
    return [*labels, UNKNOWN], all_codes


def _by_number(name, numbers):
    if name.lower() == "age":
        first, *_, last = AGE_BANDS
        between = [f"{low}-{high - 1}" for low, high in pairwise(AGE_BANDS)]
        return [f"under {first}", *between, f"{last}+"], np.searchsorted(AGE_BANDS, numbers, side="right")
    values, codes = np.unique(numbers, return_inverse=True)
    if len(values) > MOST_NUMBERS:
        return terciles(numbers)
    return [_number(value) for value in values], codes


def _text(value):
    return str(value).lower() if isinstance(value, bool) else str(value).strip()


def _by_text(texts):
    values, codes, counts = np.unique(texts.astype(str), return_inverse=True, return_counts=True)
    if len(values) <= MOST_TEXTS:
        return _last(values.tolist(), codes)
    kept = np.sort(np.lexsort((values, -counts))[: MOST_TEXTS - 1])
    places = np.full(len(values), len(kept))
    places[kept] = np.arange(len(kept))
    return _last([*values[kept].tolist(), OTHERS], places[codes])


def _last(labels, codes):
    """Return labels and codes with the label `UNKNOWN` moved to the end."""
    if UNKNOWN not in labels:
        return labels, codes
    at = labels.index(UNKNOWN)
    order = np.r_[np.arange(at), len(labels) - 1, np.arange(at, len(labels) - 1)]
    return [*labels[:at], *labels[at + 1 :], UNKNOWN], order[codes]
