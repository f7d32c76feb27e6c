"""Held-out items drawn again: uniform, unseen, repeatable, and in the place of the real ones."""

import numpy as np
import pyarrow as pa
import pytest
import redraw as step_redraw
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from small_data import interactions_of, random_interactions

from reelrank.audit.target_draws import redraw
from reelrank.audit.targets import read_targets
from reelrank.data.interactions import load_interactions
from reelrank.data.splits import SPLITS, TEST, TRAIN, UNUSED, VALID, split_table
from reelrank.data.tables import read_table, write_table
from reelrank.plan.redrawing import (
    audited_base_models,
    audited_rerankers,
    fitted_in_sample,
    learned_under,
    real,
    redrawn,
)


def before(data, items, code):
    """Return for each held-out row what the user had before it, when items are as given."""
    for row in np.flatnonzero(data.codes == code):
        start = data.starts[np.searchsorted(data.starts, row, side="right") - 1]
        yield row, set(items[start:row].tolist())


@given(seed=st.integers(0, 1000), n_items=st.integers(4, 20))
def test_a_redrawn_item_is_one_that_the_user_did_not_have(seed, n_items):
    data = random_interactions(seed, n_items=n_items)
    rows, drawn = redraw(data, seed)
    items = data.items.copy()
    items[rows] = drawn
    assert np.array_equal(rows, np.flatnonzero(np.isin(data.codes, (VALID, TEST))))
    for code in (VALID, TEST):
        for row, had in before(data, items, code):
            assert 0 <= items[row] < n_items and items[row] not in had
    again = redraw(data, seed)
    assert again[1].tobytes() == drawn.tobytes()


def test_the_draw_is_uniform_over_the_pool_and_the_two_draws_are_independent():
    # One user after the other with the same history: the pool has 5 items, of which valid takes one.
    users, n_items = 8000, 8
    data = interactions_of([[1, 4, 6, 0, 2]] * users, n_items)
    _, drawn = redraw(data, 3)
    valid, test = drawn[0::2], drawn[1::2]
    pool = [0, 2, 3, 5, 7]
    assert chisquare(np.bincount(valid, minlength=n_items)[pool]).pvalue > 1e-4
    pairs = np.bincount(valid * n_items + test, minlength=n_items**2).reshape(n_items, n_items)
    apart = [pairs[one, other] for one in pool for other in pool if one != other]
    assert sum(apart) == users and chisquare(apart).pvalue > 1e-4
    assert not np.array_equal(redraw(data, 4)[1], drawn)


def test_under_the_temporal_protocol_what_lies_between_the_targets_is_no_target():
    codes = np.array([TRAIN, TRAIN, VALID, UNUSED, TEST] * 400, np.int8)
    data = interactions_of([[0, 1, 2, 3, 4]] * 400, 9, codes)
    _, drawn = redraw(data, 1)
    assert set(drawn[1::2].tolist()) <= set(range(9)) - {0, 1, 3} and set(drawn[0::2].tolist()) == set(range(2, 9))


def test_who_had_everything_keeps_the_real_item():
    data = interactions_of([[0, 1, 2, 1, 0]], 3)
    assert redraw(data, 1)[1].tolist()[1] == 0


@pytest.fixture
def prepared(tmp_path):
    """Write prepared tables of 30 users; return the paths."""
    data = random_interactions(4, n_users=30, n_items=20)
    position = np.arange(len(data.items)) - np.repeat(data.starts[:-1], np.diff(data.starts))
    user = pa.array(data.users, pa.int32())
    paths = {name: tmp_path / f"{name}.parquet" for name in ("interactions", "split", "item_statistics")}
    columns = {"user": user, "item": data.items, "timestamp": np.arange(len(user)), "position": position}
    write_table(columns, "interactions", paths["interactions"], {"n_users": 30, "n_items": 20})
    write_table(split_table(user, pa.array(position, pa.int32()), data.codes), "split", paths["split"])
    paths["item_statistics"].write_bytes(b"counts")
    return data, paths


def test_the_step_puts_redrawn_items_in_the_place_of_the_real_ones(prepared, tmp_path):
    data, paths = prepared
    outputs = {"split": tmp_path / "redrawn.parquet", "item_statistics": tmp_path / "same.parquet"}
    step_redraw.main(paths, outputs, "leave_one_out_redrawn", 5)
    first = outputs["split"].read_bytes()
    step_redraw.main(paths, outputs, "leave_one_out_redrawn", 5)
    assert outputs["split"].read_bytes() == first and outputs["item_statistics"].read_bytes() == b"counts"
    loaded = load_interactions(paths["interactions"], outputs["split"])
    rows, drawn = redraw(data, 5)
    held_out = np.zeros(len(data.items), bool)
    held_out[rows] = True
    assert np.array_equal(loaded.items[held_out], drawn)
    assert np.array_equal(loaded.items[~held_out], data.items[~held_out])
    assert np.array_equal(loaded.popularity(), data.popularity())
    tables = [read_table(paths["interactions"], "interactions"), read_table(outputs["split"], "split")]
    for part, targets in read_targets(*tables, 20).items():
        queries = loaded.queries(part)
        assert np.array_equal(targets.items, queries.targets) and np.array_equal(targets.users, queries.users)
        had = [
            len(set(loaded.items[a:b].tolist())) for a, b in zip(queries.seen.starts, queries.seen.ends, strict=True)
        ]
        assert (20 - targets.pools).tolist() == had
    assert SPLITS == ("train", "valid", "test", "unused")


CONFIG = {
    "run": {"base_models": ["pop", "nfm", "theirs"], "rerankers": ["identity", "near", "asked", "fused"]},
    "models": {"pop": {"type": "pop"}, "nfm": {"type": "nfm"}, "theirs": {"type": "external"}},
    "rerankers": {
        "identity": {"type": "identity"},
        "near": {"type": "similarity"},
        "asked": {"type": "generative"},
        "fused": {"type": "rrf", "signals": ["near"]},
    },
    "audit": {"base_models": None, "train": False, "ask": False, "seed": 1},
}


def with_audit(**changes):
    return {**CONFIG, "audit": {**CONFIG["audit"], **changes}}


def test_what_is_audited_by_redrawing():
    assert audited_base_models(CONFIG) == ["pop", "nfm"], "the lists of another system know of no redrawn item"
    assert audited_base_models(with_audit(base_models=["nfm"])) == ["nfm"]
    assert audited_base_models(with_audit(base_models=["sasrec"])) == ["pop", "nfm"], "none of the run: all"
    assert audited_rerankers(CONFIG) == ["identity", "near", "fused"]
    assert audited_rerankers(with_audit(ask=True)) == CONFIG["run"]["rerankers"]
    fusions = {name: {"type": name, "signals": ["near"]} for name in ("rrf", "zscore", "lambdamart")}
    run = {**CONFIG["run"], "rerankers": ["identity", "near", *fusions]}
    with_fusions = {**CONFIG, "rerankers": {**CONFIG["rerankers"], **fusions}, "run": run}
    assert fitted_in_sample(with_fusions) == ["zscore"], "the others' valid lists are of users that they did not see"
    fused = {**CONFIG["rerankers"], "fused": {"type": "rrf", "signals": ["near", "asked"]}}
    assert audited_rerankers({**CONFIG, "rerankers": fused}) == ["identity", "near"]


def test_what_is_learned_is_that_of_the_real_protocol():
    assert real(redrawn("temporal")) == real("temporal") == "temporal"
    assert learned_under(CONFIG, "temporal_redrawn") == "temporal"
    assert learned_under(with_audit(train=True), "temporal_redrawn") == "temporal_redrawn"
