"""From published ids to prepared tables, against a slow reading."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelrank import datasets
from reelrank.data.preparation import dense_index, prepare, sparse_fields
from reelrank.data.tables import check_table
from reelrank.datasets import RawTables
from reelrank.datasets.comment_file import CommentFile
from reelrank.errors import InputError

ROWS = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from([3, 5, 8, 13, 2**40]), st.integers(0, 4)), min_size=1, max_size=60
)


def raw_of(rows, **others):
    """Return `RawTables` of (user id, item id, timestamp)."""
    columns = np.array(rows, np.int64).reshape(-1, 3)
    others.setdefault("items", pd.DataFrame(index=pd.Index([], dtype=np.int64)))
    return RawTables(*columns.T, **others)


def slow_prepare(rows, least):
    """Return kept (user id, item id, timestamp) by user and position, and what was dropped, one row at a time."""
    kept, short_users, short_rows = [], 0, 0
    for user in sorted({user for user, _, _ in rows}):
        history, chosen = [], set()
        for row in sorted((row for row in rows if row[0] == user), key=lambda row: row[2]):
            if row[1] not in chosen:
                chosen.add(row[1])
                history.append(row)
        if len(history) < least:
            short_users, short_rows = short_users + 1, short_rows + len(history)
        else:
            kept.append(history)
    return kept, short_users, short_rows


@given(ROWS, st.integers(0, 3))
def test_a_seed_moves_only_interactions_with_the_same_time(rows, seed):
    if not rows:
        return
    ratings = np.arange(len(rows), dtype=np.float32)
    plain, moved = (
        prepare(raw_of(rows, ratings=ratings), 1, tie)[0]["interactions"].to_pandas() for tie in (None, seed)
    )
    assert (moved[["user", "timestamp", "position"]] == plain[["user", "timestamp", "position"]]).all(axis=None)
    keys = ["user", "timestamp", "item", "rating"]
    assert (moved[keys].sort_values(keys).to_numpy() == plain[keys].sort_values(keys).to_numpy()).all()


def test_a_seed_draws_an_order():
    rows = [(user, item, 5) for user in range(30) for item in range(6)]
    orders = [prepare(raw_of(rows), 1, seed)[0]["interactions"]["item"].to_pylist() for seed in (None, 1, 1, 2)]
    assert orders[0] != orders[1] == orders[2] != orders[3]


@given(ROWS, st.integers(1, 4))
def test_prepare_equals_the_slow_reading(rows, least):
    ratings = np.arange(len(rows), dtype=np.float32)
    kept, short_users, short_rows = slow_prepare(rows, least)
    raw = raw_of(rows, ratings=ratings)
    if not kept:
        with pytest.raises(InputError, match=f"no user has {least} or more interactions"):
            prepare(raw, least)
        return
    tables, statistics = prepare(raw, least)
    for name, table in tables.items():
        check_table(table, name, name)
    item_ids = sorted({item for history in kept for _, item, _ in history})
    expected = [
        (index, item_ids.index(item), timestamp, position)
        for index, history in enumerate(kept)
        for position, (_, item, timestamp) in enumerate(history)
    ]
    found = tables["interactions"]
    names = ("user", "item", "timestamp", "position")
    assert list(zip(*(found[name].to_pylist() for name in names), strict=True)) == expected
    first_rows = [rows.index(row) for history in kept for row in history]
    assert found["rating"].to_pylist() == first_rows
    assert tables["items"]["item_id"].to_pylist() == [str(item) for item in item_ids]
    assert tables["users"]["user_id"].to_pylist() == [str(history[0][0]) for history in kept]
    assert tables["users"]["length"].to_pylist() == [len(history) for history in kept]
    tied = sum(len(history) > 1 and history[-1][2] == history[-2][2] for history in kept)
    assert statistics["users_whose_last_two_tie"] == tied
    assert statistics["users_dropped_too_short"] == short_users
    assert statistics["interactions_dropped_with_users"] == short_rows
    assert (
        statistics["interactions_read"]
        == len(rows)
        == (statistics["interactions"] + statistics["duplicates_dropped"] + short_rows)
    )
    assert (statistics["users"], statistics["items"]) == (len(kept), len(item_ids))
    assert statistics["mean_length"] == pytest.approx(len(expected) / len(kept), abs=1e-4)
    assert statistics["density"] == pytest.approx(len(expected) / len(kept) / len(item_ids), abs=1e-7)


@given(st.lists(st.one_of(st.integers(-50, 50), st.integers(-(2**62), 2**62)), min_size=1))
def test_dense_index(ids):
    ids = np.array(ids, np.int64)
    distinct, index = dense_index(ids)
    assert distinct.tolist() == sorted(set(ids.tolist()))
    assert (distinct[index] == ids).all()


def test_times_far_apart_are_still_ordered():
    rows = [(user, item, time) for user in (1, 2) for item, time in ((1, 2**62), (2, 0), (3, 2**61))]
    tables, _ = prepare(raw_of(rows), 1)
    assert tables["interactions"]["item"].to_pylist() == [1, 2, 0] * 2


def test_no_interaction_at_all_is_refused(tmp_path):
    with pytest.raises(InputError, match="has no interactions"):
        prepare(raw_of([]), 3)
    (tmp_path / "pairs.tsv").write_text("7\t\n")
    with pytest.raises(InputError, match="has no interactions"):
        prepare(datasets.read_dataset("microlens", {"interactions": tmp_path / "pairs.tsv"}, []), 3)


def test_titles_and_interactions_need_not_match():
    fields = pd.DataFrame({"title": {1: "one", 2: "", 9: "nobody"}, "category": {2: "two"}})
    tables, statistics = prepare(raw_of([(7, 1, 1), (7, 2, 2), (7, 3, 3)], items=fields), 1)
    assert tables["items"]["title"].to_pylist() == ["one", "", ""]
    assert tables["items"]["category"].to_pylist() == [None, "two", None]
    assert statistics["items_without_title_row"] == 1
    assert statistics["items_with_empty_title"] == 1
    assert statistics["items_without_category"] == 2
    assert statistics["item_rows_without_interaction"] == 1


@pytest.mark.parametrize("name", ["title", "category", "cover", "frames"])
@pytest.mark.parametrize("values", [{1001: "x", 1002: "y"}, {1: "", 2: ""}, {1: None}])
def test_a_field_that_no_item_has_is_refused(name, values):
    fields = pd.DataFrame({name: pd.Series(values, dtype=object)})
    raw = raw_of([(7, item, item) for item in range(1, 41)], items=fields, files={name: "theirs.csv"})
    with pytest.raises(InputError, match=rf"theirs.csv: found the field '{name}' of 0 of 40 items; expected .*1, 2, 3"):
        prepare(raw, 1)


def test_comments_of_other_interactions_are_refused(tmp_path):
    (tmp_path / "c.txt").write_text("7\t1001\ta\n7\t1002\tb\n")
    files = {"comments": tmp_path / "c.txt"}
    with pytest.raises(InputError, match=r"c.txt: found 2 comments, none of an interaction; expected"):
        prepare(raw_of([(7, 1, 1)], comments=CommentFile(tmp_path / "c.txt"), files=files), 1)


def test_every_field_names_its_file(tmp_path):
    roles = {"titles": "1,a\n", "categories": "item,category\n1,b\n", "comments": "1\t1\tc\n"}
    paths = {"interactions": tmp_path / "pairs.tsv"} | {role: tmp_path / role for role in (*roles, "covers", "frames")}
    paths["interactions"].write_text("1\t1 2 3\n")
    for role, text in roles.items():
        paths[role].write_text(text)
    for role, name in (("covers", "1.jpg"), ("frames", "1-1.jpg")):
        paths[role].mkdir()
        (paths[role] / name).touch()
    fields = {
        "title": "titles",
        "category": "categories",
        "comments": "comments",
        "cover": "covers",
        "frames": "frames",
    }
    raw = datasets.read_dataset("microlens", paths, list(fields))
    assert raw.files == {name: paths[role] for name, role in fields.items()}
    assert raw.items.loc[1].to_dict() == {"title": "a", "category": "b", "cover": "1.jpg", "frames": "1"}


@given(st.lists(st.sampled_from(["", "t", None]), min_size=1, max_size=9))
def test_a_field_that_under_half_of_the_items_have_is_told(values):
    with_title = sum(bool(value) for value in values)
    if not with_title:
        return
    fields = pd.DataFrame({"title": pd.Series(dict(enumerate(values, 1)), dtype=object)})
    _, statistics = prepare(raw_of([(7, item, item) for item in range(1, len(values) + 1)], items=fields), 1)
    assert statistics["items_without_title_row"] == values.count(None)
    assert statistics["items_with_empty_title"] == values.count("")
    told = [f"only {with_title} of {len(values)} items have the field title"] if with_title * 2 < len(values) else []
    assert sparse_fields(statistics) == told


def test_without_fields_titles_are_empty():
    tables, statistics = prepare(raw_of([(7, 1, 1)]), 1)
    assert tables["items"]["title"].to_pylist() == [""]
    assert "items_without_title_row" not in statistics


def test_only_comments_of_kept_interactions_stay(tmp_path):
    rows = [(7, 1, 1), (7, 2, 2), (7, 3, 3), (8, 1, 1)]
    comments = [(7, 2, "b"), (7, 1, "a"), (7, 1, "again"), (8, 1, "short user"), (7, 9, "no item"), (6, 1, "no user")]
    (tmp_path / "c.txt").write_text("".join(f"{user}\t{item}\t{text}\n" for user, item, text in comments))
    tables, statistics = prepare(raw_of(rows, comments=CommentFile(tmp_path / "c.txt")), 3)
    assert pa.concat_tables(tables["comments"]).to_pylist() == [
        {"user": 0, "item": 0, "comment": "a"},
        {"user": 0, "item": 1, "comment": "b"},
    ]
    assert statistics["comments"] == 2
    dropped = {key: value for key, value in statistics.items() if key.startswith("comments_")}
    assert sum(dropped.values()) == 4, dropped


def test_profiles_follow_their_users():
    profiles = pd.DataFrame({"age": {9: 40, 7: 30, 5: 20}, "gender": {9: "F", 7: "M", 5: "F"}})
    tables, _ = prepare(raw_of([(9, 1, 1), (7, 1, 1), (6, 1, 1)], users=profiles), 1)
    assert tables["users"]["user_id"].to_pylist() == ["6", "7", "9"]
    assert tables["users"]["age"].to_pylist() == [None, 30, 40]
    assert tables["users"]["gender"].to_pylist() == [None, "M", "F"]


def test_the_counts_of_an_adapter_are_kept():
    _, statistics = prepare(raw_of([(1, 1, 0)], counts={"rows_odd": 3}), 1)
    assert statistics["rows_odd"] == 3 and statistics["has_timestamps"] is False


def test_ties_of_the_published_100k(shared_data):
    folder = shared_data("ml-100k")
    names = {"interactions": "u.data", "movies": "u.item", "users": "u.user", "genres": "u.genre"}
    paths = {role: folder / name for role, name in names.items()}
    _, statistics = prepare(datasets.read_dataset("movielens", paths, ["title"], {"format": "ml-100k"}), 3)
    assert (statistics["users"], statistics["items"], statistics["interactions"]) == (943, 1682, 100_000)
    assert statistics["users_whose_last_two_tie"] == 415
    assert statistics["duplicates_dropped"] == 0
