"""Features of a candidate and its user, from the history and training interactions only."""

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from reelrank.data.interactions import Histories, Interactions
from reelrank.data.tables import read_table
from reelrank.data.texts import read_texts
from reelrank.features.matrices import read_features
from reelrank.features.words import tfidf
from reelrank.rerank.signals.cosines import SIMILARITIES, cosines
from reelrank.rerank.signals.products import products
from reelrank.rerank.signals.transitions import transitions

#: Candidates are compared with this many latest items of a history.
LATEST = 10

#: Milliseconds per day.
DAY = 86_400_000

#: Separates the categories of an item.
SEPARATOR = "|"


@dataclass(frozen=True)
class Sources:
    """The sources of the features. What is empty or None here gives no column.

    Attributes
    ----------
    data : Interactions
    timestamps : numpy.ndarray
        ``(n_rows,)`` int64 (ms) of each interaction; all 0 if the dataset has no times.
    first_timestamps : numpy.ndarray
        ``(n_items,)`` float64 (ms): first training interaction; NaN if there is none.
    categories : sequence of str or None
        Categories of each item, joined by "|"; None if the dataset has no categories.
    vectors : dict of (str, str) to (numpy.ndarray, numpy.ndarray)
        By encoder and field: ``(n_items, dimension)`` float32, unit rows, and ``(n_items,)`` bool: True if present.
    history : {'full', 'train_only'}
    threads : int
    transitions : scipy.sparse.csr_matrix or None
        See `reelrank.rerank.signals.transitions.transitions`.
    words : dict of str to scipy.sparse.csr_matrix
        By text field: TF-IDF vectors, see `reelrank.features.words.tfidf`.
    plain : bool
        Whether the features are given that read no texts or pictures: popularity, ages, categories, transitions.
    """

    data: Interactions
    timestamps: np.ndarray
    first_timestamps: np.ndarray
    categories: list | None
    vectors: dict
    history: str
    threads: int
    transitions: sparse.csr_matrix | None = None
    words: dict = field(default_factory=dict)
    plain: bool = True

    @property
    def has_times(self):
        """Whether the dataset has times; without them an age would be 0 for all."""
        return bool(self.timestamps.any())


def load_sources(inputs, data, features, words, history, threads):
    """Read the sources of the features.

    Parameters
    ----------
    inputs : dict of str to path or list of path
        ``interactions``, ``item_statistics``, ``catalogue``; ``matrices``: the matrices of `features`; ``texts``: the
        tables of `words`, one for each source field.
    features : sequence of (str, str)
        Encoder and field of each feature for similarities.
    words : dict of str to list of str
        For each text field whose words are compared, the fields that it is joined from.
    data, history, threads
        See `Sources`.
    """
    matrices = zip(map(tuple, features), inputs["matrices"], strict=True)
    files = iter(inputs["texts"])
    texts = {field: [(source, next(files)) for source in sources] for field, sources in words.items()}
    catalogue = read_table(inputs["catalogue"], "items")
    first = read_table(inputs["item_statistics"], "item_statistics")["first_timestamp"]
    return Sources(
        data,
        read_table(inputs["interactions"], "interactions")["timestamp"].to_numpy(),
        np.array([np.nan if value is None else value for value in first.to_pylist()], np.float64),
        catalogue["category"].to_pylist() if "category" in catalogue.column_names else None,
        {feature: read_features(path, data.n_items, *feature) for feature, path in matrices},
        history,
        threads,
        transitions(data.training()),
        {name: tfidf(read_texts(of, data.n_items))[0] for name, of in texts.items()},
    )


def of_other_interactions(sources, data):
    """Return the sources with other interactions; the audit asks what held-out items change."""
    return replace(sources, data=data, transitions=transitions(data.training()))


def context_names(sources):
    """Return the names of the features of `Context.features`, in order.

    Ages are left out if the dataset has no times, and overlaps of categories if it has none: they would be constant.
    """
    names = []
    if sources.plain:
        names += ["log_popularity", "history_length"]
        names += ["item_age_days"] if sources.has_times else []
        names += ["category_match", "category_last"] if sources.categories is not None else []
        names += [f"transition_{what}" for what in SIMILARITIES] if sources.transitions is not None else []
    compared = [f"{encoder}/{name}" for encoder, name in sources.vectors] + [f"words/{name}" for name in sources.words]
    return [*names, *(f"{name}:{what}" for name in compared for what in SIMILARITIES)]


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
        self.categories = None if sources.categories is None else Categories(sources.categories)
        self.vectors = [*sources.vectors.values()]
        self.vectors += [(vectors, np.diff(vectors.indptr) > 0) for vectors in sources.words.values()]

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
        latest = history.last(LATEST)
        columns = self._plain(items, history, latest) if self.sources.plain else []
        for vectors, present in self.vectors:
            columns += cosines(items, latest, vectors, present)
        return np.stack(columns, axis=-1).astype(np.float32)

    def _plain(self, items, history, latest):
        """Return the features that read no texts or pictures."""
        lengths = (history.ends - history.starts).astype(np.float32)
        columns = [self.popularity[items], np.broadcast_to(lengths[:, None], items.shape)]
        if self.sources.has_times:
            columns.append(self._age(items, history))
        if self.categories is not None:
            columns += [self.categories.match(items, history), self.categories.match(items, last_of(history))]
        if self.sources.transitions is not None:
            columns += transitions_to(items, latest, self.sources.transitions)
        return columns

    def _age(self, items, history):
        """Return the days between a candidate's first training interaction and the user's latest interaction.

        The age is 0 if the first training interaction is later: how much later is information from the future.
        """
        known = history.ends > history.starts
        latest = np.where(known, self.sources.timestamps[np.maximum(history.ends - 1, 0)], np.nan)
        return np.maximum(latest[:, None] - self.sources.first_timestamps[items], 0) / DAY


def last_of(history):
    """Return `Histories` of the last item of each history; an empty one stays empty."""
    return Histories(history.items, np.maximum(history.starts, history.ends - 1), history.ends, history.n_items)


def transitions_to(items, latest, counts):
    """Return how often the candidates follow the last item, the mean of the latest items and the nearest of them.

    Parameters
    ----------
    items : numpy.ndarray
        ``(k, depth)``.
    latest : numpy.ndarray
        ``(k, length)`` latest items of each user, oldest first, padded on the left with ``n_items``.
    counts : scipy.sparse.csr_matrix
        ``(n_items, n_items)``, see `reelrank.rerank.signals.transitions.transitions`.

    Returns
    -------
    list of numpy.ndarray
        ``log(1 + count)`` of the last item, of the mean and of the largest count, ``(k, depth)`` float32; NaN for a
        user without a history.
    """
    known = latest < counts.shape[0]
    one_each = sparse.identity(counts.shape[0], np.float32, "csr")
    found = products(items, latest, one_each, counts)
    mean = found.sum(2) / np.maximum(known.sum(1), 1)[:, None]
    there = known.any(1)[:, None]
    return [np.where(there, np.log1p(value), np.nan) for value in (found[..., -1], mean, found.max(2))]


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
