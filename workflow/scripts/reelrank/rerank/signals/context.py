"""Features of a candidate and its user, from the history and training interactions only."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from reelrank.data.interactions import Histories, Interactions
from reelrank.data.tables import read_table
from reelrank.features.matrices import read_features

#: Similarities are computed to this many latest items of a history.
LATEST = 10

#: Milliseconds per day.
DAY = 86_400_000

#: Separates the categories of an item.
SEPARATOR = "|"

#: Names of the features that do not depend on similarities, in order.
PLAIN = ("log_popularity", "item_age_days", "history_length", "category_match")

#: The features of each similarity, in order.
SIMILARITIES = ("last", "mean", "nearest")


@dataclass(frozen=True)
class Sources:
    """The sources of the features.

    Attributes
    ----------
    data : Interactions
    timestamps : numpy.ndarray
        ``(n_rows,)`` int64 (ms) of each interaction.
    first_timestamps : numpy.ndarray
        ``(n_items,)`` float64 (ms): first training interaction; NaN if there is none.
    categories : sequence of str or None
        Categories of each item, joined by "|"; None if the dataset has no categories.
    vectors : dict of (str, str) to (numpy.ndarray, numpy.ndarray)
        By encoder and field: ``(n_items, dimension)`` float32, unit rows, and ``(n_items,)`` bool: True if present.
    history : {'full', 'train_only'}
    threads : int
    """

    data: Interactions
    timestamps: np.ndarray
    first_timestamps: np.ndarray
    categories: list | None
    vectors: dict
    history: str
    threads: int


def load_sources(inputs, data, matrices, history, threads, similarities):
    """Read the sources of the features.

    Parameters
    ----------
    inputs : dict of str to path
        ``interactions``, ``item_statistics``, ``catalogue``.
    matrices : dict of (str, str) to path
        Feature matrices by encoder and field.
    similarities : sequence of (str, str)
        Encoder and field of each similarity, in order.
    data, history, threads
        See `Sources`.
    """
    vectors = {feature: read_features(matrices[feature], data.n_items, *feature) for feature in similarities}
    catalogue = read_table(inputs["catalogue"], "items")
    first = read_table(inputs["item_statistics"], "item_statistics")["first_timestamp"]
    return Sources(
        data,
        read_table(inputs["interactions"], "interactions")["timestamp"].to_numpy(),
        np.array([np.nan if value is None else value for value in first.to_pylist()], np.float64),
        catalogue["category"].to_pylist() if "category" in catalogue.column_names else None,
        vectors,
        history,
        threads,
    )


def context_names(similarities):
    """Return the names of the features of `Context.features`, in order."""
    return [*PLAIN, *(f"{encoder}/{field}:{what}" for encoder, field in similarities for what in SIMILARITIES)]


class Context:
    """Features of candidates, computed for some users at a time.

    Parameters
    ----------
    sources : Sources
    split : {'valid', 'test'}
    lists : reelrank.data.lists.RankedLists
        The candidates.
    """

    def __init__(self, sources, split, lists):
        self.sources = sources
        self.lists = lists
        self.history: Histories = sources.data.queries(split, sources.history).of(lists.users).history
        self.popularity = np.log1p(sources.data.popularity()).astype(np.float32)
        self.vectors = list(sources.vectors.values())
        self.categories = None if sources.categories is None else Categories(sources.categories)

    def features(self, rows):
        """Return the features of the candidates of some users.

        Parameters
        ----------
        rows : numpy.ndarray
            ``(k,)`` rows of the lists.

        Returns
        -------
        numpy.ndarray
            ``(k, depth, len(context_names))`` float32, NaN where unknown.
        """
        items, history = self.lists.items[rows], self.history[rows]
        lengths = (history.ends - history.starts).astype(np.float32)
        columns = [
            self.popularity[items],
            self._age(items, history),
            np.broadcast_to(lengths[:, None], items.shape),
            np.full(items.shape, np.nan) if self.categories is None else self.categories.match(items, history),
        ]
        for vectors, present in self.vectors:
            columns += similarities_to(items, history, vectors, present)
        return np.stack(columns, axis=-1).astype(np.float32)

    def _age(self, items, history):
        """Return the days between a candidate's first training interaction and the user's latest interaction.

        The age is 0 if the first training interaction is later: how much later is information from the future.
        """
        known = history.ends > history.starts
        latest = np.where(known, self.sources.timestamps[np.maximum(history.ends - 1, 0)], np.nan)
        return np.maximum(latest[:, None] - self.sources.first_timestamps[items], 0) / DAY


def similarities_to(items, history, vectors, present):
    """Return the cosines of candidates to the last item, the mean of the latest items and the nearest of them.

    Parameters
    ----------
    items : numpy.ndarray
        ``(k, depth)``.
    history : Histories
    vectors, present
        See `Sources`.

    Returns
    -------
    list of numpy.ndarray
        Three arrays, ``(k, depth)`` float32; NaN if a vector is missing.
    """
    latest = history.last(LATEST)
    known = (latest < history.n_items) & present[np.minimum(latest, history.n_items - 1)]
    of_history = np.where(known[..., None], vectors[np.minimum(latest, history.n_items - 1)], 0)
    cosines = vectors[items] @ of_history.transpose(0, 2, 1)
    norms = np.linalg.norm(of_history.sum(1), axis=1)[:, None]
    mean = np.where(norms > 1e-6, cosines.sum(2) / np.maximum(norms, 1e-6), np.nan)
    nearest = np.where(known[:, None], cosines, -np.inf).max(2)
    last = np.where(known[:, None, -1], cosines[..., -1], np.nan)
    values = [last, mean, np.where(np.isfinite(nearest), nearest, np.nan)]
    return [np.where(present[items], value, np.nan).astype(np.float32) for value in values]


class Categories:
    """The distinct sets of categories of items, and which of these sets overlap.

    Parameters
    ----------
    categories : sequence of str or None
        Categories of each item, joined by "|"; None or blank if unknown.
    """

    def __init__(self, categories):
        sets = [
            frozenset(name.strip() for name in (text or "").split(SEPARATOR) if name.strip()) for text in categories
        ]
        distinct = {names: number for number, names in enumerate(sorted({*sets} - {frozenset()}, key=sorted))}
        self.sets = np.array([distinct.get(names, -1) for names in sets])
        names = {name: number for number, name in enumerate(sorted({name for names in distinct for name in names}))}
        rows = np.repeat(np.arange(len(distinct)), [len(found) for found in distinct])
        columns = [names[name] for found in distinct for name in sorted(found)]
        member = sparse.csr_matrix(
            (np.ones(len(columns), np.float32), (rows, columns)), shape=(len(distinct), max(len(names), 1))
        )
        self.overlap = (member @ member.T > 0).astype(np.float32)

    def match(self, items, history):
        """Return the share of a history's items that share a category with the candidate.

        Items without a category do not count. The share is NaN if the candidate, or the whole history, has none.

        Returns
        -------
        numpy.ndarray
            ``(k, depth)`` float32.
        """
        if not self.overlap.shape[0]:
            return np.full(items.shape, np.nan, np.float32)
        counts = history.matrix().tocoo()
        known = self.sets[counts.col] >= 0
        rows, columns = counts.row[known], self.sets[counts.col[known]]
        shape = (len(history), self.overlap.shape[0])
        counts = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
        shares = (counts @ self.overlap).toarray()
        total = np.asarray(counts.sum(1), np.float32)
        own = self.sets[items]
        found = np.take_along_axis(shares, np.maximum(own, 0), axis=1) / np.maximum(total, 1)
        return np.where((own >= 0) & (total > 0), found, np.nan)
