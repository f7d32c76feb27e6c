"""Base lists and signals in which it is known what a fusion should find."""

import numpy as np
from small_data import interactions_of

from reelrank.data.lists import BASE, RankedLists
from reelrank.metrics.standardising import standardised
from reelrank.rerank.signals.aligned import Aligned

#: Metadata of a list, for tests that write some.
ABOUT = {
    "dataset": "d", "protocol": "leave_one_out", "base_model": "b", "seed": 1, "reranker": "r",
    "kind": "discriminative", "depth": 20, "split": "valid", "config_digest": "0",
}  # fmt: skip


def planted(seed, users=600, depth=20, there=0.7, strength=1.0):
    """Return base lists that know something of the held-out items, and these items' columns (-1 where absent)."""
    rng = np.random.default_rng(seed)
    truth = np.where(rng.random(users) < there, rng.integers(depth, size=users), -1)
    scores = signal(rng, truth, depth, strength)
    order = np.argsort(-scores, axis=1)
    items = np.argsort(rng.random((users, 2 * depth)), axis=1)[:, :depth].astype(np.int32)
    lists = RankedLists(
        np.arange(users, dtype=np.int32), items, np.take_along_axis(scores, order, axis=1).astype(np.float32)
    )
    return lists, np.where(truth >= 0, (order == truth[:, None]).argmax(1), -1)


def signal(rng, truth, depth, strength):
    """Return noise, with `strength` more for the held-out item."""
    return rng.normal(size=(len(truth), depth)) + strength * (np.arange(depth) == truth[:, None])


def aligned(lists, signals):
    """Return `Aligned` of signals that are given in the order of the candidates."""
    depth = lists.items.shape[1]
    ranks = {BASE: np.broadcast_to(np.arange(1, depth + 1, dtype=np.int16), lists.items.shape)}
    for name, scores in signals.items():
        order = np.argsort(-scores, axis=1, kind="stable")
        ranks[name] = np.argsort(order, axis=1).astype(np.int16) + 1
    scores = {name: standardised(values, lists.present) for name, values in {BASE: lists.scores, **signals}.items()}
    return Aligned(lists, scores, ranks, "all", len(lists.users))


def planted_interactions(seed, users, n_items=60, candidates=20, there=0.8):
    """Return interactions and, for valid and test, candidate lists in which the order tells nothing."""
    rng = np.random.default_rng(seed)
    histories = [rng.choice(n_items, rng.integers(4, 9), replace=False) for _ in range(users)]
    data = interactions_of(histories, n_items)
    lists = {}
    for part in ("valid", "test"):
        queries = data.queries(part)
        items = np.empty((len(queries), candidates), np.int32)
        for row, target in enumerate(queries.targets):
            others = np.setdiff1d(np.arange(n_items), histories[row])
            items[row] = rng.choice(others, candidates, replace=False)
            if rng.random() < there:
                items[row, rng.integers(candidates)] = target
        scores = np.broadcast_to(-np.arange(candidates, dtype=np.float32), items.shape)
        lists[part] = RankedLists(queries.users.astype(np.int32), items, scores)
    return data, lists
