"""Exact top-K over the full catalogue; seen items are masked."""

import contextlib
import logging

import numpy as np
import torch

from reelrank.hardware import gpu_arithmetic, mixed_precision

#: Maximum number of scores in memory, as (user, item) pairs: 64 MiB of float32.
PAIRS_PER_CHUNK = 16 * 1024 * 1024

#: If a lower precision finds the best k items, this many times k items are scored again in float32.
RESCORED = 4


def users_per_chunk(n_items):
    """Return how many users are scored together: `PAIRS_PER_CHUNK` scores at most, but at least one user."""
    return max(1, PAIRS_PER_CHUNK // max(1, n_items))


def in_chunks(work, queries):
    """Yield the result of ``work`` for each chunk of the queries, in order.

    If a chunk does not fit into GPU memory, it and all later chunks are halved, down to
    one user.

    Parameters
    ----------
    work : callable
        Takes `reelrank.data.interactions.Queries`; must keep nothing on the GPU.
    queries : reelrank.data.interactions.Queries

    Yields
    ------
    object

    Raises
    ------
    torch.OutOfMemoryError
        If a single user does not fit.
    """
    size, n = users_per_chunk(queries.seen.n_items), len(queries)
    todo = [slice(start, min(start + size, n)) for start in range(0, n, size)]
    while todo:
        rows = todo[0]
        try:
            result = work(queries[rows])
        except torch.OutOfMemoryError:
            size = (rows.stop - rows.start) // 2
            if size == 0:
                raise
        else:
            todo = todo[1:]
            yield result
            continue
        # Not inside the handler: its traceback would keep the tensors of the failed chunk alive.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        logging.warning("out of GPU memory with %d users at a time: continuing with %d", rows.stop - rows.start, size)
        todo = [slice(start, min(start + size, n)) for start in range(rows.start, n, size)]


def masked_scores(model, queries):
    """Score all items for some users and mask the items that they have seen.

    Returns
    -------
    torch.Tensor
        ``(batch, n_items)`` float32; seen items are ``-inf``.
    """
    scores = torch.as_tensor(model.score(queries.users, queries.history)).float()
    # The sum is one cheap pass; it can overflow with finite scores, so only then all scores are checked.
    if not torch.isfinite(scores.sum()) and not torch.isfinite(scores).all():
        raise FloatingPointError("the model scored NaN or infinity")
    seen = queries.seen
    lengths = seen.ends - seen.starts
    offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    columns = seen.items[np.repeat(seen.starts, lengths) + offsets]
    rows = np.repeat(np.arange(len(queries)), lengths)
    index = torch.as_tensor(np.stack([rows, columns]), device=scores.device).long()
    return scores.index_put_((index[0], index[1]), scores.new_tensor(-torch.inf))


def top_k(model, queries, k, precision="float32"):
    """Return the `k` best unseen items of each user; at ties the lower item index comes first.

    Parameters
    ----------
    model : object with ``score(users, histories) -> (batch, n_items)``
    queries : reelrank.data.interactions.Queries
    k : int
        Maximum length of a list; a user with fewer unseen items gets a shorter one.
    precision : str
        One of `reelrank.hardware.PRECISIONS`. If the model has ``rescore``, a GPU finds the
        best items in that precision and scores them again in float32 (`rescored_top_k`).

    Returns
    -------
    items : numpy.ndarray
        ``(n, k')`` int32, best first; -1 pads shorter lists.
    scores : numpy.ndarray
        ``(n, k')`` float32; ``-inf`` pads shorter lists.
    """
    n, width = len(queries), min(k, queries.seen.n_items)
    device = getattr(model, "device", torch.device("cpu"))
    lower = precision != "float32" and device.type == "cuda" and hasattr(model, "rescore")

    @contextlib.contextmanager
    def arithmetic():
        """Return the context manager of the lower precision."""
        with gpu_arithmetic(precision), mixed_precision(precision, device):
            yield

    def best(chunk):
        """Return the best items of some users and their scores, in CPU memory."""
        if lower:
            values, items = rescored_top_k(model, chunk, width, arithmetic)
        else:
            values, items = stable_top_k(masked_scores(model, chunk), width)
        items[torch.isneginf(values)] = -1
        return items.int().cpu().numpy(), values.cpu().numpy()

    found_items, found_scores, done = np.empty((n, width), np.int32), np.empty((n, width), np.float32), 0
    for items, scores in in_chunks(best, queries):
        rows = slice(done, done + len(items))
        found_items[rows], found_scores[rows], done = items, scores, rows.stop
    return found_items, found_scores


def rescored_top_k(model, queries, k, arithmetic):
    """Find the best items in a lower precision and score them again in float32; check empirically for misses.

    The best `RESCORED` times `k` items are scored again. An item below them belongs to the
    best `k` only if the error of its low-precision score is larger than its gap to the
    float32 score at rank `k`. If a user's gap is not at least twice the largest error among
    the rescored items, the user is ranked again in float32. This bound is empirical, not a
    proof: an item that was not rescored may have a larger error, especially if its vector is
    much longer.

    Parameters
    ----------
    model : object with ``score`` and ``rescore``
    queries : reelrank.data.interactions.Queries
    k : int
    arithmetic : callable
        Returns the context manager of the lower precision.

    Returns
    -------
    values, indices : torch.Tensor
        ``(batch, k)``, as `stable_top_k` returns them.
    """
    with arithmetic():
        rough = masked_scores(model, queries)
    n_items = rough.shape[1]
    if n_items <= RESCORED * k:
        return stable_top_k(masked_scores(model, queries), k)
    values, candidates = torch.topk(rough, RESCORED * k + 1, dim=1)
    cut, values, candidates = values[:, -1], values[:, :-1], candidates[:, :-1]
    candidates = candidates.sort(1).values
    exact = model.rescore(queries.users, queries.history, candidates).float()
    rough = rough.gather(1, candidates)
    exact = exact.masked_fill(torch.isneginf(rough), -torch.inf)
    error = torch.where(torch.isneginf(rough), 0, exact - rough).abs().amax(1)
    best, places = stable_top_k(exact, k)
    indices = candidates.gather(1, places)
    unsure = torch.nonzero(~(best[:, -1] > cut + 2 * error)).flatten().cpu().numpy()
    if len(unsure):
        logging.info("ranked %d of %d users again in float32", len(unsure), len(queries))
        best[unsure], indices[unsure] = stable_top_k(masked_scores(model, queries[unsure]), k)
    return best, indices


def stable_top_k(scores, k):
    """Return top-k values and indices, ordered by (-score, index).

    `torch.topk` chooses among equal scores at the cut arbitrarily. So it is asked for one more
    entry, and rows whose cut falls inside a tie are sorted in full.
    """
    n_items = scores.shape[1]
    values, indices = torch.topk(scores, min(k + 1, n_items), dim=1)
    if n_items > k:
        torn = torch.nonzero((values[:, k - 1] == values[:, k]) & ~torch.isneginf(values[:, k])).flatten()
        if torn.numel():
            full_values, full_indices = torch.sort(scores[torn], dim=1, descending=True, stable=True)
            values[torn], indices[torn] = full_values[:, : k + 1], full_indices[:, : k + 1]
    values, indices = values[:, :k], indices[:, :k]
    by_index = torch.argsort(indices, dim=1)
    values, indices = values.gather(1, by_index), indices.gather(1, by_index)
    order = torch.argsort(values, dim=1, descending=True, stable=True)
    return values.gather(1, order), indices.gather(1, order)


def target_ranks(model, queries):
    """Return the 1-based rank of each user's target among all unseen items.

    Ties are broken as in `top_k`: at equal scores the lower item index ranks first.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` int64.
    """

    def ranks(chunk):
        """Return the ranks of the targets of some users."""
        scores = masked_scores(model, chunk)
        targets = torch.as_tensor(chunk.targets, device=scores.device).long()[:, None]
        value = scores.gather(1, targets)
        lower = torch.arange(scores.shape[1], device=scores.device) < targets
        before = (scores > value) | ((scores == value) & lower)
        return before.sum(1).cpu().numpy() + 1

    return np.concatenate([np.empty(0, np.int64), *in_chunks(ranks, queries)])
