"""Base lists interleaved by quota."""

from types import SimpleNamespace

import numpy as np
import pytest
import unite_lists
from configs import REPOSITORY, completed, refused
from hypothesis import given
from hypothesis import strategies as st
from planted import ABOUT

from reelrank.config.fusions import has_valid
from reelrank.config.reads import reads
from reelrank.data.lists import RankedLists, read_lists, write_lists
from reelrank.data.unions import interleaved
from reelrank.errors import InputError
from reelrank.plan.plan import Plan


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


def test_lists_of_different_users_are_refused_with_their_file(tmp_path):
    inputs = {
        split: [tmp_path / f"{part}.{split}.parquet" for part in ("ours", "theirs")] for split in ("valid", "test")
    }
    for split, paths in inputs.items():
        for path, rows in zip(paths, ([[1], [2], [3]], [[1], [2]]), strict=True):
            write_lists(lists_of(rows), path, {**ABOUT, "kind": "base", "split": split})
    outputs = {"valid": tmp_path / "valid.parquet"}
    with pytest.raises(InputError, match=r"theirs.valid.parquet: found lists of 2 users, 2 of the 3 users in .*ours"):
        unite_lists.main(inputs, outputs, {**ABOUT, "kind": "base"}, [1, 1])
    assert not outputs["valid"].exists()


def test_the_step_writes_what_is_interleaved_for_each_split(tmp_path):
    about = {**ABOUT, "reranker": "identity", "kind": "base", "depth": 4}
    rows = {
        "valid": ([[1, 2, 3, 4], [5, 6]], [[1, 7, 8, 9], [6]]),
        "test": ([[1, 2, 3, 4], [5, 6]], [[9, 1, 2, 3], [6, 5, 4]]),
    }
    inputs = {split: [tmp_path / f"{part}.{split}.parquet" for part in ("first", "second")] for split in rows}
    outputs = {split: tmp_path / f"union.{split}.parquet" for split in rows}
    for split, parts in rows.items():
        for path, part in zip(inputs[split], parts, strict=True):
            write_lists(lists_of(part), path, {**about, "split": split, "base_model": path.stem.partition(".")[0]})
    unite_lists.main(inputs, outputs, {**about, "base_model": "union"}, [3, 1])
    expected = {"valid": [[1, 2, 7, 3], [5, 6, -1, -1]], "test": [[1, 2, 9, 3], [5, 6, 4, -1]]}
    for split, path in outputs.items():
        lists, metadata = read_lists(path)
        assert (
            lists.items.tolist() == expected[split] == interleaved([*map(lists_of, rows[split])], [3, 1]).items.tolist()
        )
        assert (metadata["split"], metadata["base_model"], metadata["kind"]) == (split, "union", "base")
        assert lists.scores[0].tolist() == [-1, -2, -3, -4]


EXTERNAL = {"type": "external", "test": "theirs.csv"}
UNIONS = {
    "alone": {"type": "union", "of": ["pop"]},
    "twice": {"type": "union", "of": ["pop", "pop"]},
    "shares": {"type": "union", "of": ["pop", "nfm"], "quotas": [60, 60]},
    "three": {"type": "union", "of": ["pop", "nfm"], "quotas": [50, 25, 25]},
    "blind": {"type": "union", "of": ["pop", "theirs"]},
    "good": {"type": "union", "of": ["pop", "item_knn"], "quotas": [30, 70]},
    "nested": {"type": "union", "of": ["pop", "good"]},
    "unknown": {"type": "union", "of": ["item_kn", "nmf"]},
}


def test_unions_that_cannot_be_are_refused_in_one_pass():
    run = {"base_models": list(UNIONS), "rerankers": ["identity", "random"]}
    refused(
        {"models": {**UNIONS, "theirs": EXTERNAL}, "run": run},
        "the config has 8 mistakes:",
        "config key models.alone.of: ['pop']", "two or more base models",
        "config key models.twice.of: ['pop', 'pop']",
        "config key models.shares.quotas: found [60, 60] for 2 lists; expected one number for each, with the sum "
        "candidates, 100",
        "config key models.three.quotas: found [50, 25, 25] for 2 lists",
        "config key models.blind.of: 'theirs' has no lists for valid; expected models.theirs.valid",
        "config key models.nested.of: 'good' is a union itself",
        "config key models.unknown.of: unknown name 'item_kn'; did you mean item_knn",
        "config key models.unknown.of: unknown name 'nmf'; did you mean nfm",
    )  # fmt: skip


def test_a_part_is_checked_though_it_is_not_in_the_run():
    models = {"video": {"type": "dssm_video", "encoder": "e5", "field": "cover"},
              "both": {"type": "union", "of": ["pop", "video"]}}  # fmt: skip
    refused({"models": models, "run": {"base_models": ["both"]}}, "models.video", "'e5'")
    models["video"]["encoder"] = "clip"
    for field in ("cover", "frames"):
        models["video"]["field"] = field
        config = completed({"models": models, "run": {"base_models": ["both"], "rerankers": ["identity", "random"]}})
        assert ("clip", field) in Plan(config, REPOSITORY).features.used()


def test_a_union_is_planned_with_its_parts_and_reads_what_they_read():
    models = {
        "theirs": {**EXTERNAL, "valid": "theirs_valid.csv"},
        "both": {"type": "union", "of": ["dssm_video", "theirs"]},
        "three": {"type": "union", "of": ["pop", "item_knn", "theirs"]},
        "good": UNIONS["good"],
    }
    run = {"base_models": ["both", "three", "good"], "rerankers": ["identity", "random"]}
    config = completed({"models": models, "run": run})
    plan = Plan(config, REPOSITORY)
    chosen = plan.selection
    assert (chosen.united, chosen.external) == (["both", "three", "good"], ["theirs"])
    assert chosen.trained == ["dssm_video", "pop", "item_knn"] and chosen.fusible == run["base_models"]
    assert has_valid(config, "both") and {"images", "interactions"} <= reads(config, "models", "both")
    assert reads(config, "models", "good") == {"interactions"}
    own = {
        name: SimpleNamespace(dataset="sample", protocol="leave_one_out", base_model=name, seed="2") for name in models
    }
    folder = "results/sample/leave_one_out/lists"
    assert plan.parts(own["both"]) == {
        split: [f"{folder}/{part}/seed2/identity/{split}.parquet" for part in ("dssm_video", "theirs")]
        for split in ("valid", "test")
    }
    assert [plan.quotas(own[name]) for name in run["base_models"]] == [[50, 50], [34, 33, 33], [30, 70]]
