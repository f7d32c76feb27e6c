"""Lists of outside recommenders: what is written comes back in every format, and what is wrong is named."""

import re

import evaluate
import import_lists
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_data import interactions_of

from reelrank.errors import InputError
from reelrank.external import no_lists, read_external, restrict_to
from reelrank.files import read_json
from reelrank.lists import RankedLists, read_lists, write_lists
from reelrank.metrics import ranks_in_lists
from reelrank.report.tables import hit_rate_table, to_markdown
from reelrank.rerank.controls import random_scores
from reelrank.rerank.similarity import cosine_scores, mean_profiles
from reelrank.tables import LIST_METADATA, SPLITS, write_table

USERS = ["7", "u,8", "ninth", "10", "é11"]
ITEMS = [str(100 + item) for item in range(9)]
ABOUT = {key: f"a {key}" for key in LIST_METADATA}


def as_csv_ranks(rows):
    """Return ranks in CSV, own ids."""
    lines = [
        f'"{USERS[user]}",{rank},{ITEMS[item]}' for user, row in rows.items() for rank, item in enumerate(row, start=1)
    ]
    return "user,rank,item\n" + "\n".join(lines) + "\n"


def as_csv_scores(rows):
    """Return falling scores in CSV, own ids, in an order of its own and with Windows line ends."""
    lines = [f'{9.5 - at},{ITEMS[item]},"{USERS[user]}"' for user, row in rows.items() for at, item in enumerate(row)]
    return "score,item,user\r\n" + "\r\n".join(reversed(lines))


def as_text(rows):
    """Return the text format, own ids."""
    lines = [
        f"User {USERS[user]}: Top {max(1, len(row))} recommended items: [{', '.join(ITEMS[item] for item in row)}]"
        for user, row in rows.items()
    ]
    return "\n".join(lines) + "\n"


FORMATS = {"ranks.csv": as_csv_ranks, "scores.csv": as_csv_scores, "lists.txt": as_text}


@st.composite
def rows_by_user(draw):
    """Draw lists by user index, with no list empty and the users in any order."""
    users = draw(st.lists(st.sampled_from([0, 2, 3, 4]), min_size=1, unique=True))
    return {user: draw(st.permutations(range(9)))[: draw(st.integers(1, 9))] for user in users}


def listed(lists):
    """Return lists as a dict of user to items."""
    return {
        int(user): [int(item) for item in row if item >= 0] for user, row in zip(lists.users, lists.items, strict=True)
    }


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
        ("a.csv", HEADER + "7,1,100\n7,2,101\n7,3,100\n", ["line 4", "item '100' is a second time", "user '7'"]),
        ("a.csv", HEADER + "7,1,100\n7,3,101\n", ["line 3", "found rank 3 of user '7'", "expected 2"]),
        ("a.csv", HEADER + "7,2,100\n", ["line 2", "found rank 2", "expected 1"]),
        ("a.csv", HEADER + "7,1,100\n7,1,101\n", ["line 3", "found rank 1", "expected 2"]),
        ("a.csv", HEADER + "7,one,100\n", ["line 2", "found rank 'one'", "a whole number from 1"]),
        ("a.csv", HEADER + "7,0,100\n", ["line 2", "found rank '0'"]),
        ("a.csv", HEADER + "7,99999999999999999999,100\n", ["line 2", "found rank '9"]),
        ("a.csv", HEADER + "7,1\n", ["line 2", "found 2 columns", "expected 3"]),
        ("a.csv", "user,item,score\n7,100,nan\n", ["line 2", "found score 'nan'", "a number"]),
        ("a.csv", "user,item,score\n7,100,1\n7,101,1e39\n", ["line 3", "found score 1e+39", "finite in float32"]),
        ("a.csv", "user,item,score\n7,100,-inf\n", ["line 2", "found score -inf", "finite in float32"]),
        (
            "a.csv",
            "user,rank,item,score\n10,1,100,7\n7,2,101,0.5\n7,1,100,0.25\n",
            ["line 3", "found score 0.5 at rank 2 of user '7'", "above the 0.25", "do not rise"],
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
        ("a.txt", "User 7: Top 2 recommended items: [100, 100]\n", ["line 1", "item '100' is a second time"]),
        ("a.txt", "User 7: Top 2 recommended items: [100,, 101]\n", ["at most 2"]),
        ("a.txt", "User 7: Top 3 recommended items: [100,, 101]\n", ["unknown item: line 1 ''"]),
        ("a.txt", "User 7: Top 1 recommended items: [100]\n" * 2, ["line 2", "user '7' has a list on line 1"]),
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
        ({"item": [4, 4]}, "row 2: item 4 is a second time in the list of user 1"),
        ({"rank": [1, 3]}, "row 2: found rank 3 of user 1; expected 2"),
        ({"user": [5, -1]}, "found no list of a known user; expected .* indices from 0 to 4"),
        ({"user": ["a", "b"]}, "column 'user' has type .*string.*; expected integers"),
        ({"score": [1.0, np.nan]}, "row 2: found score NaN"),
        ({"score": [1.0, 2.0]}, "row 2: found score 2.0 at rank 2 of user 1, above the 1.0 before it"),
        ({"score": [1.0, -1e300]}, "row 2: found score -1e.300; expected one finite in float32"),
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


def test_lists_are_fitted_to_the_users_with_a_target():
    data = interactions_of([[0, 1, 2, 3], [4, 5], [1, 2, 3]], 6, codes=[0, 0, 1, 2, 0, 0, 0, 1, 2])
    lists = RankedLists(np.array([0, 1]), np.array([[3, 0, 2], [1, 2, -1]]), np.zeros((2, 3), np.float32))
    kept, counts = restrict_to(lists, data.queries("test"))
    assert listed(kept) == {0: [3, 0, 2]}
    assert counts == {"users_without_target": 1, "users_without_list": 1, "seen_entries": 2}
    kept, counts = restrict_to(no_lists(), data.queries("test"))
    assert not len(kept.users) and counts["users_without_list"] == 2 and counts["seen_entries"] == 0


@pytest.fixture
def prepared(tmp_path):
    """Write the tables of three users, and return the inputs of `import_lists`."""
    rows = [[0, 1, 2, 3], [4, 5, 0, 1], [1, 2, 3, 5]]
    user, position = np.divmod(np.arange(12), 4)
    codes = np.array([0, 0, 1, 2] * 3, np.int8)
    keys = {"user": user.astype(np.int32), "position": position.astype(np.int32)}
    columns = keys | {"item": np.concatenate(rows).astype(np.int32), "timestamp": np.arange(12)}
    paths = {name: tmp_path / f"{name}.parquet" for name in ("interactions", "split", "users", "items")}
    write_table(columns, "interactions", paths["interactions"], {"n_users": 3, "n_items": 9})
    split = pd.Categorical.from_codes(codes, SPLITS)
    write_table(keys | {"split": _dictionary(split)}, "split", paths["split"])
    index = np.arange(3, dtype=np.int32)
    write_table({"user": index, "user_id": USERS[:3], "length": index + 4}, "users", paths["users"])
    write_table({"item": np.arange(9, dtype=np.int32), "item_id": ITEMS, "title": ITEMS}, "items", paths["items"])
    paths["catalogue"] = paths.pop("items")
    return paths


def _dictionary(split):
    return pa.DictionaryArray.from_arrays(pa.array(split.codes, pa.int8()), pa.array(split.categories.to_list()))


ABOUT_EXTERNAL = ABOUT | {"reranker": "identity", "kind": "base", "base_model": "theirs", "seed": 1, "depth": 100}


def imported(prepared, tmp_path, cutoff=2):
    """Run the step; return its outputs."""
    outputs = {"valid": tmp_path / "v.parquet", "test": tmp_path / "t.parquet", "counts": tmp_path / "import.json"}
    import_lists.main(prepared, outputs, ABOUT_EXTERNAL, cutoff)
    return outputs


def test_the_step_imports_both_splits(prepared, tmp_path):
    prepared["test"], prepared["valid"] = tmp_path / "test.txt", tmp_path / "valid.csv"
    prepared["test"].write_text(as_text({0: [3, 4], 2: [0, 5, 1]}), encoding="utf-8")
    prepared["valid"].write_text(as_csv_ranks({0: [2, 4, 5, 6]}), encoding="utf-8")
    outputs = imported(prepared, tmp_path)
    test, about = read_lists(outputs["test"])
    valid, about_valid = read_lists(outputs["valid"])
    assert listed(test) == {0: [3, 4], 2: [0, 5, 1]} and about["split"] == "test" and about["depth"] == "3"
    assert listed(valid) == {0: [2, 4, 5]} and about_valid["split"] == "valid", "valid is as deep as test"
    counts = read_json(outputs["counts"])
    assert counts["test"]["seen_entries"] == 1 and counts["test"]["users_without_list"] == 1


def test_lists_shorter_than_the_largest_cutoff_are_refused(prepared, tmp_path, caplog):
    prepared["test"] = tmp_path / "test.txt"
    prepared["test"].write_text(as_text({0: [3, 4, 5], 1: [2, 3], 2: [0]}), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        imported(prepared, tmp_path, 3)
    for part in ("test.txt: 2 lists of the base model 'theirs'", "user 'u,8', user 'ninth'", "found 1", "expected 3"):
        assert part in str(caught.value)
    assert "the lists of 2 users are shorter than 3: user 'u,8', user 'ninth'" in caplog.text
    assert not (tmp_path / "t.parquet").exists()
    imported(prepared, tmp_path, 1)


@pytest.mark.parametrize("key", ["dataset", "protocol", "split", None])
def test_a_parquet_of_something_else_is_refused(prepared, tmp_path, key):
    prepared["test"] = tmp_path / "own.parquet"
    lists = RankedLists(np.array([0], np.int32), np.array([[3, 0]], np.int32), np.array([[2, 1]], np.float32))
    about = ABOUT_EXTERNAL | {"split": "test"}
    write_lists(lists, prepared["test"], about | ({key: "another"} if key else {}))
    if key is None:
        imported(prepared, tmp_path)
        return
    with pytest.raises(InputError, match=f"own.parquet: its metadata say {key} 'another'; expected '{about[key]}'"):
        imported(prepared, tmp_path)


def test_without_valid_lists_everything_downstream_works(prepared, tmp_path, caplog):
    prepared["test"] = tmp_path / "test.txt"
    prepared["test"].write_text(as_text({0: [3, 4], 1: [2, 1]}), encoding="utf-8")
    outputs = imported(prepared, tmp_path)
    assert "no valid lists" in caplog.text and read_json(outputs["counts"])["valid"] is None
    assert pq.read_table(outputs["valid"]).num_rows == 0
    lists, about = read_lists(outputs["valid"])
    assert set(LIST_METADATA) <= set(about)
    vectors = np.eye(9, dtype=np.float32)
    head = lists.head(20)
    head.reordered(random_scores(head.users, head.items.shape[1], [1]))
    profiles = mean_profiles(interactions_of([[0, 1]], 9).training()[:0], vectors, np.ones(9, bool), 2)
    shuffled = head.reordered(cosine_scores(head, profiles, vectors, np.ones(9, bool)))
    write_lists(shuffled, tmp_path / "again.parquet", about, lists)
    ranks = [tmp_path / f"{part}.ranks.parquet" for part in ("valid", "test")]
    evaluate.main(prepared["interactions"], prepared["split"], [outputs["valid"], outputs["test"]], ranks)
    table = hit_rate_table(ranks, [1, 2]).set_index(["split", "n"])
    assert table.loc[("valid", 1), "users"] == 0 and np.isnan(table.loc[("valid", 1), "hit_rate"])
    assert table["hits"].to_dict() == {("test", 1): 1, ("test", 2): 2, ("valid", 1): 0, ("valid", 2): 0}
    statistics = {"items": 9, "interactions": 12, "users_dropped_too_short": 0, "min_interactions": 3}
    text = to_markdown(
        table.reset_index(),
        [1, 2],
        {"title": "small", "synthetic": False, "published": []},
        statistics,
        {"users_without_test_target": 0},
    )
    assert re.search(r"theirs \| identity \| 2 \| 1 ", text)


def test_ranks_in_lists_of_nobody():
    rank, raw_rank = ranks_in_lists(no_lists(), np.arange(3), np.arange(3))
    assert rank.shape == raw_rank.shape == (0,)
