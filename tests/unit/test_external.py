"""Lists of outside recommenders: what is written comes back in every format, and what is wrong is named."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from external_fixture import ABOUT, ITEMS, USERS, as_csv_ranks, as_text, listed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelrank.data.external_lists import read_external
from reelrank.data.lists import read_lists, write_lists
from reelrank.errors import InputError


def as_csv_scores(rows):
    """Return falling scores in CSV, own ids, in an order of its own and with Windows line ends."""
    lines = [f'{9.5 - at},{ITEMS[item]},"{USERS[user]}"' for user, row in rows.items() for at, item in enumerate(row)]
    return "score,item,user\r\n" + "\r\n".join(reversed(lines))


FORMATS = {"ranks.csv": as_csv_ranks, "scores.csv": as_csv_scores, "lists.txt": as_text}


@st.composite
def rows_by_user(draw):
    """Draw lists by user index, with no list empty and the users in any order."""
    users = draw(st.lists(st.sampled_from([0, 2, 3, 4]), min_size=1, unique=True))
    return {user: draw(st.permutations(range(9)))[: draw(st.integers(1, 9))] for user in users}


def read(folder, name, text, depth=100):
    """Write a text file and read its lists."""
    (folder / name).write_text(text, encoding="utf-8", newline="")
    return read_external(folder / name, USERS, ITEMS, depth)


def refused(folder, name, text, *fragments):
    """Assert that a file is refused with a message that holds the fragments and the file."""
    with pytest.raises(InputError) as caught:
        read(folder, name, text)
    for fragment in (name, *fragments):
        assert fragment in str(caught.value), str(caught.value)


@pytest.mark.parametrize("name", FORMATS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(rows=rows_by_user(), depth=st.integers(1, 10))
def test_lists_come_back_from_own_ids(tmp_path, name, rows, depth):
    lists, counts = read(tmp_path, name, FORMATS[name](rows), depth)
    assert listed(lists) == {user: list(row[:depth]) for user, row in sorted(rows.items())}
    assert (np.diff(lists.users) > 0).all()
    assert (lists.scores[:, 1:] < lists.scores[:, :-1])[lists.present[:, 1:]].all()
    lengths = [len(row) for row in rows.values()]
    assert counts == {
        "entries": sum(lengths),
        "users": len(rows),
        "deepest": max(lengths),
        "unknown_users": 0,
        "short_lists": sum(length < min(depth, max(lengths)) for length in lengths),
        "entries_beyond_depth": sum(max(0, length - depth) for length in lengths),
    }
    write_lists(lists, tmp_path / "written.parquet", ABOUT)
    assert listed(read_lists(tmp_path / "written.parquet")[0]) == listed(lists)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(rows=rows_by_user(), narrow=st.booleans(), shuffle=st.randoms())
def test_lists_come_back_from_parquet(tmp_path, rows, narrow, shuffle):
    entries = [(user, at + 1, item, 1.5 - at) for user, row in rows.items() for at, item in enumerate(row)]
    shuffle.shuffle(entries)
    frame = pd.DataFrame(entries, columns=["user", "rank", "item", "score"])
    if narrow:
        frame = frame.astype({"user": "int32", "rank": "int16", "item": "int32", "score": "float32"})
    frame.to_parquet(tmp_path / "lists.parquet")
    lists, counts = read_external(tmp_path / "lists.parquet", USERS, ITEMS, 100)
    assert listed(lists) == {user: list(row) for user, row in sorted(rows.items())}
    assert lists.scores[:, 0].tolist() == [1.5] * len(rows) and counts["entries"] == len(entries)


def test_equal_scores_keep_the_order_of_the_file(tmp_path):
    lists, _ = read(tmp_path, "a.csv", "user,item,score\n7,103,1\n7,101,2\n7,104,1\n7,102,1\n")
    assert listed(lists) == {0: [1, 3, 4, 2]} and lists.scores.tolist() == [[2, 1, 1, 1]]


def test_ranks_decide_and_scores_are_kept(tmp_path):
    lists, _ = read(tmp_path, "a.csv", "\ufeffuser, item, rank, score\n7, 103, 2, 4\n\n7, 101, 1, 5\n7,104,3,4")
    assert listed(lists) == {0: [1, 3, 4]} and lists.scores.tolist() == [[5, 4, 4]]


def test_text_is_read_leniently(tmp_path):
    text = "\nUser 7: Top 20 recommended items: ['101', '105']\r\nuser 10 :top 3 recommended items: []\n\n"
    lists, counts = read(tmp_path, "a.txt", text)
    assert listed(lists) == {0: [1, 5]} and counts["users"] == 1


def test_unknown_users_are_dropped_and_counted(tmp_path, caplog):
    text = "user,item,score\nx,100,1\n7,101,2\nx,999,3\ny,100,1\n"
    lists, counts = read(tmp_path, "a.csv", text)
    assert listed(lists) == {0: [1]} and counts["unknown_users"] == 2
    assert "dropped 2 unknown users: line 2 'x', line 5 'y'" in caplog.text
    refused(tmp_path, "b.csv", "user,item,score\nx,100,1\n", "found no list of a known user", "'7'")


HEADER = "user,rank,item\n"


@pytest.mark.parametrize(
    ("name", "text", "fragments"),
    [
        (
            "a.csv",
            HEADER + "7,1,100\n7,2,999\n10,1,98\n",
            ["2 entries with an unknown item", "line 3 '999', line 4 '98'"],
        ),
        ("a.csv", HEADER + "7,1,100\n7,2,101\n7,3,100\n", ["line 4", "item '100' is repeated", "user '7'"]),
        ("a.csv", HEADER + "7,1,100\n7,3,101\n", ["line 3", "found rank 3 for user '7'", "expected 2"]),
        ("a.csv", HEADER + "7,2,100\n", ["line 2", "found rank 2", "expected 1"]),
        ("a.csv", HEADER + "7,1,100\n7,1,101\n", ["line 3", "found rank 1", "expected 2"]),
        ("a.csv", HEADER + "7,one,100\n", ["line 2", "found rank 'one'", "a whole number from 1"]),
        ("a.csv", HEADER + "7,0,100\n", ["line 2", "found rank '0'"]),
        ("a.csv", HEADER + "7,99999999999999999999,100\n", ["line 2", "found rank '9"]),
        ("a.csv", HEADER + "7,1\n", ["line 2", "found 2 columns", "expected 3"]),
        ("a.csv", "user,item,score\n7,100,nan\n", ["line 2", "found score 'nan'", "a number"]),
        ("a.csv", "user,item,score\n7,100,1\n7,101,1e39\n", ["line 3", "found score 1e+39", "a finite float32"]),
        ("a.csv", "user,item,score\n7,100,-inf\n", ["line 2", "found score -inf", "a finite float32"]),
        (
            "a.csv",
            "user,rank,item,score\n10,1,100,7\n7,2,101,0.5\n7,1,100,0.25\n",
            ["line 3", "found score 0.5 at rank 2 of user '7'", "above the previous score 0.25", "do not rise"],
        ),
        ("a.csv", HEADER + '7,1,"' + "1" * 140_000, ["line 2", "expected CSV (field larger", "quote left open"]),
        ("a.csv", '"' + "1" * 140_000, ["line 1", "expected CSV (field larger"]),
        ("a.csv", "user,item,score\n7,100,\n", ["line 2", "found score ''"]),
        ("a.csv", "user,item\n7,100\n", ["line 1", "found the header ['user', 'item']", "user,item,score"]),
        ("a.csv", "user,item,score,score\n7,100,1,1\n", ["line 1", "found the header"]),
        ("a.csv", "7,1,100\n", ["line 1", "found the header"]),
        ("a.csv", HEADER, ["found no list of a known user"]),
        ("a.csv", "", ["the file is empty"]),
        ("a.tsv", HEADER, ["found the ending '.tsv'", ".parquet, .csv, .txt"]),
        ("a.txt", "User 7: [100]\n", ["line 1", "found 'User 7: [100]'", "Top 20 recommended items"]),
        ("a.txt", "User 7: Top 1 recommended items: [100, 101]\n", ["line 1", "found 2 items", "at most 1"]),
        ("a.txt", "User 7: Top 2 recommended items: [100, 100]\n", ["line 1", "item '100' is repeated"]),
        ("a.txt", "User 7: Top 2 recommended items: [100,, 101]\n", ["at most 2"]),
        ("a.txt", "User 7: Top 3 recommended items: [100,, 101]\n", ["unknown item: line 1 ''"]),
        ("a.txt", "User 7: Top 1 recommended items: [100]\n" * 2, ["line 2", "user '7' already has a list in line 1"]),
        ("a.parquet", "no Parquet", ["expected a Parquet file"]),
    ],
)
def test_bad_files_are_refused(tmp_path, name, text, fragments):
    refused(tmp_path, name, text, *fragments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"item": [0, 9]}, "1 entries with an unknown item: row 2 '9'; expected .* indices from 0 to 8"),
        ({"item": [0, -1]}, "unknown item: row 2 '-1'"),
        ({"item": [4, 4]}, "row 2: item 4 is repeated in the list of user 1"),
        ({"rank": [1, 3]}, "row 2: found rank 3 for user 1; expected 2"),
        ({"user": [5, -1]}, "found no list of a known user; expected .* indices from 0 to 4"),
        ({"user": ["a", "b"]}, "column 'user' has type .*string.*; expected integers"),
        ({"score": [1.0, np.nan]}, "row 2: found score NaN"),
        ({"score": [1.0, 2.0]}, "row 2: found score 2.0 at rank 2 of user 1, above the previous score 1.0"),
        ({"score": [1.0, -1e300]}, "row 2: found score -1e.300; expected a finite float32"),
        ({"score": [1.0, None]}, "column 'score' has type double and 1 nulls; expected numbers"),
        ({"score": None}, "column 'score' is missing"),
    ],
)
def test_bad_parquet_is_refused(tmp_path, change, message):
    columns = {"user": [1, 1], "rank": [1, 2], "item": [0, 1], "score": [0.5, 0.25]} | change
    table = pa.table({name: values for name, values in columns.items() if values is not None})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(InputError, match=message) as caught:
        read_external(tmp_path / "a.parquet", USERS, ITEMS, 100)
    assert "a.parquet" in str(caught.value)
