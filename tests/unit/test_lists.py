"""The one list format: round trips, permutations, and what is refused."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelrank.data.lists import RankedLists, read_lists, read_lists_of, read_users, write_lists
from reelrank.data.tables import LIST_METADATA, write_table
from reelrank.errors import InputError

ABOUT = {key: f"a {key}" for key in LIST_METADATA} | {"depth": "3"}

#: Scores with many ties, both infinities included.
SCORES = st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 0.5, np.inf])


def lists_of(rows, scores=None, users=None, raw_ranks=None):
    """Return `RankedLists` of ragged rows of items."""
    depth = max(map(len, rows), default=0)
    items = np.array([[*row, *[-1] * (depth - len(row))] for row in rows], np.int32).reshape(len(rows), depth)
    if scores is None:
        scores = [[-rank for rank, _ in enumerate(row)] for row in rows]
    padded = np.array([[*row, *[-np.inf] * (depth - len(row))] for row in scores], np.float32).reshape(items.shape)
    if raw_ranks is not None:
        raw_ranks = np.array([[*row, *[0] * (depth - len(row))] for row in raw_ranks], np.int16).reshape(items.shape)
    users = np.arange(len(rows)) if users is None else users
    return RankedLists(np.array(users, np.int32), items, padded, raw_ranks)


@st.composite
def ragged(draw, least=1):
    """Draw lists of different lengths, with scores and raw ranks."""
    lengths = draw(st.lists(st.integers(least, 6), min_size=1, max_size=6))
    rows = [draw(st.permutations(range(9)))[:length] for length in lengths]
    scores = [draw(st.lists(SCORES, min_size=length, max_size=length)) for length in lengths]
    raw_ranks = [draw(st.lists(st.integers(0, 9), min_size=length, max_size=length)) for length in lengths]
    users = sorted(draw(st.sets(st.integers(0, 99), min_size=len(rows), max_size=len(rows))))
    return lists_of(rows, scores, users, draw(st.sampled_from([None, raw_ranks])))


@given(ragged())
def test_lists_round_trip(tmp_path_factory, lists):
    path = tmp_path_factory.mktemp("lists") / "list.parquet"
    write_lists(lists, path, ABOUT)
    found, about = read_lists(path)
    assert about == ABOUT
    for name in ("users", "items", "scores", "raw_ranks"):
        np.testing.assert_array_equal(getattr(found, name), getattr(lists, name))
    assert (found.users.dtype, found.items.dtype, found.scores.dtype) == (np.int32, np.int32, np.float32)
    np.testing.assert_array_equal(found.present, lists.items >= 0)


@given(ragged(), st.integers(1, 12), st.integers(1, 12), st.integers(1, 7))
def test_many_users_are_read_and_written_in_parts(tmp_path_factory, lists, written, read, depth):
    """A list may begin in one part and end in another; the bytes of what is re-ordered in parts stay."""
    folder = tmp_path_factory.mktemp("lists")
    scores = np.where(lists.present, -lists.scores, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reelrank.data.lists.ROWS_PER_CHUNK", written)
        write_lists(lists, folder / "list.parquet", ABOUT)
        in_parts = lists.reordered(scores)
        patch.setattr("reelrank.data.tables.ROWS_PER_CHUNK", read)
        found, _ = read_lists(folder / "list.parquet", depth)
        np.testing.assert_array_equal(read_users(folder / "list.parquet"), lists.users)
    head, whole = lists.head(depth), lists.reordered(scores)
    for name in ("users", "items", "scores", "raw_ranks"):
        np.testing.assert_array_equal(getattr(found, name), getattr(head, name))
        np.testing.assert_array_equal(getattr(in_parts, name), getattr(whole, name) if name != "raw_ranks" else None)


@given(lists=ragged(), chosen=st.sets(st.integers(0, 8)))
def test_some_users_are_read_as_all_users_are(tmp_path_factory, lists, chosen):
    path = tmp_path_factory.mktemp("some") / "lists.parquet"
    write_lists(lists, path, ABOUT)
    users = np.array(sorted(chosen), np.int32)
    whole, some = read_lists(path)[0], read_lists_of(path, users)
    rows = np.flatnonzero(np.isin(whole.users, users))
    assert some.users.tolist() == whole.users[rows].tolist() and some.users.dtype == np.int32
    width = some.items.shape[1]
    np.testing.assert_array_equal(some.items, whole.items[rows][:, :width])
    np.testing.assert_array_equal(some.scores, whole.scores[rows][:, :width])
    assert (whole.items[rows][:, width:] < 0).all()


def test_memory_grows_by_little_more_than_the_lists(tmp_path, monkeypatch):
    monkeypatch.setattr("reelrank.data.lists.ROWS_PER_CHUNK", 10_000)
    monkeypatch.setattr("reelrank.data.tables.ROWS_PER_CHUNK", 10_000)
    rng = np.random.default_rng(1)
    items = np.tile(np.arange(100, dtype=np.int32), (4000, 1))
    lists = RankedLists(np.arange(4000, dtype=np.int32), items, rng.random(items.shape, np.float32))
    tracemalloc.start()
    try:
        write_lists(lists, tmp_path / "l.parquet", ABOUT | {"depth": "100"}, lists)
        written = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        found, _ = read_lists(tmp_path / "l.parquet")
        read = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    entries = lists.items.size
    assert found.items.size == entries
    assert written < 4 * entries, "4 bytes an entry beside the 8 that were there"
    assert read < 14 * entries, "8 bytes an entry are the result"


def test_no_users_round_trip(tmp_path):
    write_lists(lists_of([]), tmp_path / "l.parquet", ABOUT)
    found, _ = read_lists(tmp_path / "l.parquet")
    assert len(found.users) == 0 and found.items.shape[0] == 0


@given(ragged(), st.data())
def test_reordering_is_a_permutation_by_score_then_rank(lists, data):
    flat = st.lists(st.one_of(SCORES, st.floats(-3, 3, width=32)), min_size=lists.items.size, max_size=lists.items.size)
    scores = np.array(data.draw(flat), np.float32).reshape(lists.items.shape)
    scores[~lists.present] = np.nan
    flags = np.array(data.draw(st.lists(st.integers(0, 9), min_size=scores.size, max_size=scores.size))).reshape(
        scores.shape
    )
    found = lists.reordered(scores, flags)
    for row, items in enumerate(lists.items):
        length = int((items >= 0).sum())
        order = sorted(range(length), key=lambda rank, own=scores[row]: (-own[rank], rank))
        assert found.items[row].tolist() == [int(items[rank]) for rank in order] + [-1] * (len(items) - length)
        np.testing.assert_array_equal(found.scores[row, :length], scores[row, order])
        np.testing.assert_array_equal(found.raw_ranks[row, :length], flags[row, order])
    write = np.sort(found.items, axis=1) == np.sort(lists.items, axis=1)
    assert write.all()


def test_scores_must_fit_and_be_numbers():
    lists = lists_of([[1, 2], [3]])
    with pytest.raises(ValueError, match=r"shape \(2, 3\); expected \(2, 2\)"):
        lists.reordered(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="NaN"):
        lists.reordered([[np.nan, 0], [0, 0]])


@given(ragged(), st.integers(1, 8))
def test_the_head_is_the_first_entries(lists, depth):
    head = lists.head(depth)
    np.testing.assert_array_equal(head.items, lists.items[:, :depth])
    np.testing.assert_array_equal(head.scores, lists.scores[:, :depth])
    assert (head.raw_ranks is None) == (lists.raw_ranks is None)


BASE = lists_of([[4, 2, 7], [1, 3]], users=[5, 9])


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        (lists_of([[4, 4, 7], [1, 3]], users=[5, 9]), "list of user 5 repeats"),
        (lists_of([[4, 2, 7], [1, 6]], users=[5, 9]), "list of user 9 is not a permutation"),
        (lists_of([[4, 2, 7], [1]], users=[5, 9]), "list of user 9 is not a permutation"),
        (lists_of([[7, 2], [1, 3]], users=[5, 9]), "list of user 5 is not a permutation of the first 3"),
        (lists_of([[4, 2, 7, 8], [1, 3]], users=[5, 9]), "lists are 4 deep; expected at most 3"),
        (lists_of([[4, 2, 7]], users=[6]), "users that are not in the base list"),
        (lists_of([[4, 2, 7]], users=[10]), "users that are not in the base list"),
        (lists_of([[1, 3, 8], [4, 2, 7]], users=[9, 5]), "users out of order"),
        (lists_of([[4, 2, 7], [4, 2, 7]], users=[5, 5]), "users out of order"),
        (RankedLists(np.array([9]), np.array([[1, -1, 3]]), np.zeros((1, 3))), "found a gap"),
    ],
)
def test_what_is_no_re_ranking_of_its_base_is_refused(tmp_path, lists, message):
    with pytest.raises(InputError, match=message) as caught:
        write_lists(lists, tmp_path / "l.parquet", ABOUT, BASE)
    assert str(tmp_path / "l.parquet") in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_base_holds_nobody(tmp_path):
    with pytest.raises(InputError, match="not in the base list"):
        write_lists(BASE, tmp_path / "l.parquet", ABOUT, lists_of([]))


def test_users_may_be_left_out_and_lists_shallower(tmp_path):
    write_lists(lists_of([[3, 1]], users=[9]), tmp_path / "one.parquet", ABOUT, BASE)
    write_lists(BASE.head(2).reordered([[0, 1], [0, 1]]), tmp_path / "two.parquet", ABOUT | {"depth": "2"}, BASE)
    assert read_lists(tmp_path / "two.parquet")[0].items.tolist() == [[2, 4], [3, 1]]


@pytest.mark.parametrize(
    ("users", "ranks"),
    [
        ([0, 0, 1], [1, 3, 1]),
        ([0, 0, 1], [2, 3, 1]),
        ([0, 0, 1], [0, 1, 1]),
        ([0, 0, 1], [2, 1, 1]),
        ([1, 0, 0], [1, 1, 2]),
        ([0, 1, 0], [1, 1, 2]),
        ([0, 0, 1], [1, 1, 1]),
    ],
)
def test_gaps_and_unsorted_rows_are_refused(tmp_path, users, ranks):
    columns = {"user": users, "rank": ranks, "item": [1, 2, 3], "score": [0.0, 0.0, 0.0]}
    write_table(columns, "list", tmp_path / "l.parquet", ABOUT)
    with pytest.raises(InputError, match=r"l.parquet: rows are not sorted by user and rank, or ranks have gaps"):
        read_lists(tmp_path / "l.parquet")
