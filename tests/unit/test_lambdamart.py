"""Trees fitted across folds of valid: no list is scored by a model that saw it."""

import json

import numpy as np
import pytest
from planted import aligned, planted_interactions, signal

from reelrank.data.lists import BASE
from reelrank.rerank.fusion import lambdamart
from reelrank.rerank.fusion.lambdamart import drawn_candidates, fit, leaves_for, score, start_scores
from reelrank.rerank.signals.aligned import single_scores, truth_columns, valid_ndcg
from reelrank.rerank.signals.columns import ColumnStore
from reelrank.rerank.signals.context import Sources
from reelrank.rerank.signals.gates import NOT_USED, UNDECIDED, USED, gate

OPTIONS = {
    "num_leaves": 7, "learning_rate": 0.1, "rounds": 60, "min_data_in_leaf": 20, "folds": 5, "patience": 20, "seed": 1,
    "training_users": 1000, "training_candidates": 15, "gate_users": 1000, "fold_seeds": 2, "threshold": 1.64,
    "start_weight": 1.0,
}  # fmt: skip
PLAIN, WITH = {"signals": [], "similarities": [], "words": []}, {"signals": ["s"], "similarities": [], "words": []}


def sources_of(data, vectors=None, categories=None):
    """Return what is known of users and items."""
    rows, n_items = len(data.items), data.n_items
    first = np.arange(n_items, dtype=np.float64)
    return Sources(data, np.arange(rows), first, categories, vectors or {}, "full", 1)


def world(seed, users, strength):
    """Return aligned parts with one signal, the truth of both, and what fusions read."""
    data, lists = planted_interactions(seed, users)
    truths = {part: truth_columns(lists[part], data.queries(part)) for part in lists}
    rng = np.random.default_rng([seed, 1])
    parts = {
        part: aligned(lists[part], {"s": signal(rng, truths[part], lists[part].items.shape[1], strength)})
        for part in lists
    }
    return parts, truths, {"columns": ColumnStore(sources_of(data)), "threads": 1, "fitted": {}}


def fused(made, stages, **options):
    """Return the scores and the description of a fusion with nothing cached."""
    parts, truths, material = made
    return fuse(parts, truths["valid"], {**OPTIONS, **options}, stages, {**material, "fitted": {}})


def fuse(parts, truth, options, stages, material):
    """Return the scores of both splits and the description, through JSON as the step keeps what is fitted."""
    fitted, about = fit(parts["valid"], truth, options, stages, material)
    fitted = json.loads(json.dumps(fitted))
    return {split: score(fitted, split, aligned, material) for split, aligned in parts.items()}, about


@pytest.fixture(scope="module")
def useful():
    """Return a world with a useful signal, and what was made of it."""
    made = world(2, 500, 1.5)
    return made, *fused(made, [PLAIN, WITH])


def test_a_useful_signal_is_used_and_lifts_valid_and_test(useful):
    (parts, truths, _), scores, about = useful
    for part in parts:
        base = valid_ndcg(parts[part], truths[part], parts[part].scores[BASE])
        assert valid_ndcg(parts[part], truths[part], scores[part]) > 1.4 * base
    of_signal = about["importances"]["s:score"] + about["importances"]["s:rank"]
    assert of_signal > 0.5 and sum(about["importances"].values()) == pytest.approx(1, abs=1e-4)
    assert about["users_fitted"] == (truths["valid"] >= 0).sum() and [len(trees) for trees in about["trees"]] == [5, 5]
    assert about["gates"][-1]["decision"] == USED and "note" not in about


def test_the_same_input_gives_the_same_bytes(useful):
    made, scores, about = useful
    again, told = fused(made, [PLAIN, WITH])
    assert told == about
    assert all(again[part].tobytes() == scores[part].tobytes() for part in scores)


def test_no_more_users_are_learned_from_or_judged_than_asked_for(useful):
    (parts, truths, _), all_scores, _ = useful
    scores, about = fused(useful[0], [PLAIN, WITH], training_users=120, gate_users=100)
    assert about["users_fitted"] == 120 < (truths["valid"] >= 0).sum()
    assert {gate["judged_users"] for gate in about["gates"]} == {100}
    assert about["seeds_averaged"] == [1], "with more users than are judged, one seed makes the lists"
    for part in parts:
        assert scores[part].tobytes() != all_scores[part].tobytes()
        base = valid_ndcg(parts[part], truths[part], parts[part].scores[BASE])
        assert valid_ndcg(parts[part], truths[part], scores[part]) > 1.3 * base, "all are scored, those left out too"


@pytest.mark.parametrize("seed", [5, 6, 7, 8])
def test_a_useless_signal_changes_nothing(seed):
    made = world(seed, 400, 0.0)
    scores, about = fused(made, [PLAIN, WITH])
    below, told = fused(made, [PLAIN])
    assert all(np.array_equal(scores[part], below[part]) for part in scores), "it is the rung below"
    assert about["gates"][-1]["decision"] != USED and "s:score" not in about["importances"]
    assert about["importances"] == told["importances"] and about["gates"][:1] == told["gates"]


def test_a_rung_below_is_fitted_once(monkeypatch):
    parts, truths, material = world(2, 300, 1.5)
    fuse(parts, truths["valid"], OPTIONS, [PLAIN, WITH], material)
    monkeypatch.setattr(lambdamart.lightgbm, "train", None)
    fuse(parts, truths["valid"], OPTIONS, [PLAIN, WITH], material)
    with pytest.raises(TypeError):
        fuse(parts, truths["valid"], {**OPTIONS, "num_leaves": 3}, [PLAIN, WITH], material)


def test_trees_that_win_nothing_are_the_base_list():
    kept = []
    for seed in range(6):
        made = world(seed, 150, 0.0)
        scores, about = fused(made, [PLAIN])
        base = single_scores(made[0]["valid"], BASE)
        kept.append("its order is kept" in about.get("note", ""))
        assert np.array_equal(scores["valid"], base) == kept[-1]
    assert sum(kept) >= 5


def test_trees_start_from_the_base_list():
    there = np.ones((2, 4), bool)
    np.testing.assert_allclose(start_scores(there, 0.5), [-0.5 * np.log([1, 2, 3, 4])] * 2)
    made = world(2, 300, 1.5)
    scores, _ = fused(made, [WITH], rounds=1, learning_rate=1e-9, threshold=-100.0)
    assert all((np.diff(scores[part], axis=1) < 0).all() for part in scores), "with nothing learned: the base order"


def test_labels_by_chance_give_valid_lists_by_chance():
    made = world(3, 900, 0.0)
    scores, _ = fused(made, [WITH], min_data_in_leaf=1, num_leaves=31, threshold=-100.0)
    parts, truths, _ = made
    depth = parts["valid"].lists.items.shape[1]
    gains = np.array([1 / np.log2(rank + 1) if rank <= 10 else 0 for rank in range(1, depth + 1)])
    there = (truths["valid"] >= 0).mean()
    chance, error = there * gains.mean(), gains.std() * np.sqrt(there / 900)
    assert abs(valid_ndcg(parts["valid"], truths["valid"], scores["valid"]) - chance) < 4 * error


def test_too_few_users_to_learn_from_keep_the_base_order():
    parts, truths, material = world(4, 30, 1.0)
    truth = np.where(np.arange(30) < 9, np.maximum(truths["valid"], 0), -1)
    scores, about = fuse(parts, truth, OPTIONS, [PLAIN, WITH], material)
    assert about["users_fitted"] == 0 and about["importances"] == {} and "only 9 users" in about["note"]
    assert all((np.diff(scores[part], axis=1) < 0).all() for part in parts)


def test_trees_are_fitted_on_the_held_out_item_and_a_draw_of_others():
    there = np.arange(12) < np.array([12, 3, 1])[:, None]
    is_target = np.arange(12) == np.array([7, 2, 0])[:, None]
    kept = drawn_candidates(there, is_target, 4, 1)
    assert kept.sum(1).tolist() == [5, 3, 1] and (kept & is_target).sum() == 3 and not (kept & ~there).any()
    assert (kept == drawn_candidates(there, is_target, 4, 1)).all()
    assert not (kept == drawn_candidates(there, is_target, 4, 2)).all()


def test_the_size_of_trees_follows_the_number_of_users():
    assert [leaves_for(users) for users in (10, 640, 10_000, 10**6)] == [4, 4, 16, 31]
    assert leaves_for(640, 9) == 9


def test_a_gate_weighs_the_fold_seeds_together():
    rng = np.random.default_rng(0)
    below = np.zeros((5, 200))
    clear = gate(below + 0.05 + 0.1 * rng.normal(size=(1, 200)), below, 400, 1.64)
    assert clear["decision"] == USED and clear["spread"] == 0 and clear["judged_users"] == 200
    assert clear["standard_errors"] == pytest.approx(clear["by_seed"][0], abs=1e-3)
    nothing = gate(below, below, 400, 1.64)
    assert nothing["decision"] == NOT_USED and nothing["standard_errors"] == 0
    luck = below + np.array([0.06, -0.03, 0.05, -0.02, 0.02])[:, None] + 0.1 * rng.normal(size=(1, 200))
    found = gate(luck, below, 400, 1.64)
    assert found["decision"] == UNDECIDED and max(found["by_seed"]) > 1.64 > min(found["by_seed"])
