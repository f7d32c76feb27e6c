"""Base lists interleaved by quota."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelrank.data.lists import RankedLists
from reelrank.data.unions import interleaved
from reelrank.errors import InputError


def lists_of(rows):
    """Return lists with these items, best first, padded."""
    depth = max(map(len, rows), default=0)
    items = np.array([[*row, *[-1] * (depth - len(row))] for row in rows], np.int32).reshape(len(rows), depth)
    scores = np.where(items >= 0, -np.arange(depth, dtype=np.float32), -np.inf).astype(np.float32)
    return RankedLists(np.arange(len(rows), dtype=np.int32), items, scores)


def expected(rows, quotas):
    """Return the union of one user's lists, place by place."""
    depth, found, taken = sum(quotas), [], [0] * len(rows)
    for place in range(1, depth + 1):
        able = [number for number, row in enumerate(rows) if set(row) - set(found)]
        if not able:
            break
        chosen = max(able, key=lambda number: (quotas[number] * place / depth - taken[number], -number))
        found.append(next(item for item in rows[chosen] if item not in found))
        taken[chosen] += 1
    return found


ROW = st.lists(st.integers(0, 15), unique=True, max_size=10)
USERS = st.integers(2, 3).flatmap(
    lambda parts: st.tuples(
        st.lists(st.lists(ROW, min_size=parts, max_size=parts), min_size=1, max_size=6),
        st.lists(st.integers(1, 6), min_size=parts, max_size=parts),
    )
)


@given(USERS)
def test_each_place_goes_to_the_list_that_is_furthest_behind(world):
    users, quotas = world
    found = interleaved([lists_of([rows[part] for rows in users]) for part in range(len(quotas))], quotas)
    assert found.items.shape == (len(users), sum(quotas))
    for row, rows in enumerate(users):
        items = [item for item in found.items[row].tolist() if item >= 0]
        assert items == expected(rows, quotas) and len(set(items)) == len(items)
    there = found.present
    assert (found.scores[there] == -(np.nonzero(there)[1] + 1)).all() and np.isneginf(found.scores[~there]).all()


def test_a_duplicate_is_replaced_by_the_next_item_of_its_list():
    found = interleaved([lists_of([[1, 2, 3, 4]]), lists_of([[1, 5, 6, 7]])], [2, 2])
    assert found.items.tolist() == [[1, 5, 2, 6]]
    assert interleaved([lists_of([[1, 2, 3, 4]]), lists_of([[9]])], [1, 3]).items.tolist() == [[9, 1, 2, 3]]


def test_lists_of_different_users_are_refused():
    one, other = lists_of([[1], [2]]), lists_of([[1]])
    with pytest.raises(InputError, match="lists of different users"):
        interleaved([one, other], [1, 1])
