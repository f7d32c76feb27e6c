"""Exact top-K over the full catalogue, seen items masked."""

import logging

import numpy as np
import torch

#: Scores held at a time, as a number of (user, item) pairs: 64 MiB of float32.
PAIRS_PER_CHUNK = 16 * 1024 * 1024


def chunks(n, n_items, pairs=PAIRS_PER_CHUNK):
    """Yield slices of users so that a chunk's score matrix stays within `pairs`."""
    size = max(1, pairs // max(1, n_items))
    for start in range(0, n, size):
        yield slice(start, min(n, start + size))


def in_chunks(work, queries):
    """Return what ``work`` makes of each chunk of the queries, in order.

    Where a chunk does not fit into the memory of the GPU, it and all that follow are
    halved, down to one user.

    Parameters
    ----------
    work : callable
        Takes `reelrank.data.Queries` and keeps nothing on the GPU.
    queries : reelrank.data.Queries

    Raises
    ------
    torch.OutOfMemoryError
        If one user does not fit.
    """
    results, todo = [], list(chunks(len(queries), queries.seen.n_items))
    while todo:
        rows = todo[0]
        try:
            results.append(work(queries[rows]))
            todo = todo[1:]
            continue
        except torch.OutOfMemoryError:
            size = (rows.stop - rows.start) // 2
            if size == 0:
                raise
        # Outside the handler, whose traceback would keep the tensors of the failed chunk alive.
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        logging.warning("out of GPU memory with %d users at a time: going on with %d", rows.stop - rows.start, size)
        todo = [slice(start, min(start + size, len(queries))) for start in range(rows.start, len(queries), size)]
    return results


def masked_scores(model, queries):
    """Score all items for some users and mask what they have seen.

    Returns
    -------
    torch.Tensor
        ``(batch, n_items)`` float32; seen items are ``-inf``.
    """
    scores = torch.as_tensor(model.score(queries.users, queries.history)).float()
    if not torch.isfinite(scores).all():
        raise FloatingPointError("the model scored NaN or infinity")
    seen = queries.seen
    lengths = seen.ends - seen.starts
    offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    columns = seen.items[np.repeat(seen.starts, lengths) + offsets]
    rows = np.repeat(np.arange(len(queries)), lengths)
    index = torch.as_tensor(np.stack([rows, columns]), device=scores.device).long()
    # Not in place: the array may be one that the model keeps.
    return scores.index_put((index[0], index[1]), scores.new_tensor(-torch.inf))


def top_k(model, queries, k):
    """Return the `k` best unseen items of each user, ties broken by the lower item index.

    Parameters
    ----------
    model : object with ``score(users, histories) -> (batch, n_items)``
    queries : reelrank.data.Queries
    k : int
        At most this many; fewer where a user has fewer unseen items.

    Returns
    -------
    items : numpy.ndarray
        ``(n, k')`` int32, best first, -1 where a list is shorter.
    scores : numpy.ndarray
        ``(n, k')`` float32, ``-inf`` where a list is shorter.
    """
    width = min(k, queries.seen.n_items)

    def best(part):
        values, items = stable_top_k(masked_scores(model, part), width)
        items[torch.isneginf(values)] = -1
        return items.int().cpu().numpy(), values.cpu().numpy()

    found = [(np.empty((0, width), np.int32), np.empty((0, width), np.float32)), *in_chunks(best, queries)]
    items, scores = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return items, scores


def stable_top_k(scores, k):
    """Return top-k values and indices by (-score, index), which `torch.topk` does not promise.

    `torch.topk` decides which of several equal scores make the cut arbitrarily, so one
    more entry is taken: rows whose cut falls inside a tie are sorted in full.
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

    Ties count as in `top_k`: an equal score at a lower item index ranks before.

    Returns
    -------
    numpy.ndarray
        ``(n,)`` int64.
    """

    def ranks(part):
        scores = masked_scores(model, part)
        targets = torch.as_tensor(part.targets, device=scores.device).long()[:, None]
        value = scores.gather(1, targets)
        lower = torch.arange(scores.shape[1], device=scores.device) < targets
        before = (scores > value) | ((scores == value) & lower)
        return before.sum(1).cpu().numpy() + 1

    return np.concatenate([np.empty(0, np.int64), *in_chunks(ranks, queries)])
