"""Lists of outside recommenders become base lists: fitted to the users of a split, with or without valid lists."""

import re
from types import SimpleNamespace

import evaluate
import import_lists
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from external_fixture import ABOUT, ITEMS, USERS, as_csv_ranks, as_text, listed
from small_data import interactions_of

from reelrank.data.external_lists import no_lists, restrict_to
from reelrank.data.lists import RankedLists, read_lists, write_lists
from reelrank.data.tables import LIST_METADATA, SPLITS, write_table
from reelrank.errors import InputError
from reelrank.files import read_json, write_json
from reelrank.metrics.ranking import ranks_in_lists
from reelrank.report.hit_rates import hit_rate_table, to_markdown
from reelrank.rerank.random import Reranker
from reelrank.rerank.similarity import cosine_scores, mean_profiles


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
    with pytest.raises(InputError, match=f"own.parquet: the metadata have {key} 'another'; expected '{about[key]}'"):
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
    shuffle = Reranker({"seed": 1}, SimpleNamespace(about=ABOUT))
    shuffle.begin("valid", head)
    head.reordered(shuffle.scores(head, None))
    profiles = mean_profiles(interactions_of([[0, 1]], 9).training()[:0], vectors, np.ones(9, bool), 2)
    shuffled = head.reordered(cosine_scores(head, profiles, vectors, np.ones(9, bool)))
    write_lists(shuffled, tmp_path / "again.parquet", about, lists)
    ranks = [tmp_path / f"{part}.ranks.parquet" for part in ("valid", "test")]
    write_json(tmp_path / "plan.json", {"digest": "d"})
    lists = [outputs["valid"], outputs["test"]]
    evaluate.main(prepared["interactions"], prepared["split"], lists, tmp_path / "plan.json", ranks)
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
