"""Trees fitted across folds of valid: no list is scored by a model that saw it."""

from dataclasses import replace

import numpy as np
import pytest
from planted import aligned, planted_interactions, signal
from small_data import interactions_of

from reelrank.data.lists import BASE, RankedLists
from reelrank.rerank.fusion import lambdamart
from reelrank.rerank.fusion.lambdamart import Features, cross_fitted, fit, fit_and_score, signal_names, start_scores
from reelrank.rerank.signals.aligned import single_scores, truth_columns, valid_ndcg
from reelrank.rerank.signals.context import Sources, context_names

OPTIONS = {
    "num_leaves": 7, "learning_rate": 0.1, "rounds": 60, "min_data_in_leaf": 20, "folds": 5, "patience": 20, "seed": 1,
    "training_users": 1000,
}  # fmt: skip


def sources_of(data, vectors=None, categories=None):
    """Return what is known of users and items."""
    rows, n_items = len(data.items), data.n_items
    first = np.arange(n_items, dtype=np.float64)
    return Sources(data, np.arange(rows), first, categories, vectors or {}, "full", 1)


def world(seed, users, strength):
    """Return aligned parts with one signal, the truth of both, and sources."""
    data, lists = planted_interactions(seed, users)
    truths = {part: truth_columns(lists[part], data.queries(part)) for part in lists}
    rng = np.random.default_rng([seed, 1])
    parts = {
        part: aligned(lists[part], {"s": signal(rng, truths[part], lists[part].items.shape[1], strength)})
        for part in lists
    }
    return parts, truths, sources_of(data)


@pytest.fixture(scope="module")
def useful():
    """Return a world with a useful signal, and what was made of it."""
    parts, truths, sources = world(2, 500, 1.5)
    return parts, truths, sources, *fit_and_score(parts, truths["valid"], OPTIONS, sources)


def test_a_useful_signal_lifts_valid_and_test(useful):
    parts, truths, _, scores, about = useful
    for part in parts:
        base = valid_ndcg(parts[part], truths[part], parts[part].scores[BASE])
        assert valid_ndcg(parts[part], truths[part], scores[part]) > 1.4 * base
    of_signal = about["importances"]["s:score"] + about["importances"]["s:rank"]
    assert of_signal > 0.5 and sum(about["importances"].values()) == pytest.approx(1, abs=1e-4)
    assert about["users_fitted"] == (truths["valid"] >= 0).sum() and len(about["trees"]) == 5


def test_the_same_input_gives_the_same_bytes(useful):
    parts, truths, sources, scores, about = useful
    again, told = fit_and_score(parts, truths["valid"], OPTIONS, sources)
    assert told == about
    assert all(again[part].tobytes() == scores[part].tobytes() for part in parts)


def test_no_more_users_are_learned_from_than_asked_for(useful):
    parts, truths, sources, all_scores, _ = useful
    options = {**OPTIONS, "training_users": 120}
    scores, about = fit_and_score(parts, truths["valid"], options, sources)
    again, _ = fit_and_score(parts, truths["valid"], options, sources)
    assert about["users_fitted"] == 120 < (truths["valid"] >= 0).sum()
    for part in parts:
        assert scores[part].tobytes() == again[part].tobytes() != all_scores[part].tobytes()
        base = valid_ndcg(parts[part], truths[part], parts[part].scores[BASE])
        assert valid_ndcg(parts[part], truths[part], scores[part]) > 1.3 * base, "all are scored, those left out too"


@pytest.mark.parametrize("seed", [5, 6, 7, 8])
def test_a_useless_signal_is_not_used(seed):
    parts, truths, sources = world(seed, 400, 0.0)
    options = {**OPTIONS, "threshold": 1.64}
    scores, about = fit(parts, truths["valid"], options, sources)
    twin, told = fit({p: of.only(BASE) for p, of in parts.items()}, truths["valid"], options, sources)
    assert all(np.array_equal(scores[part], twin[part]) for part in parts), "it is its twin"
    assert about["standard_errors_won"] <= 1.64 and "s:score" not in about["importances"]
    assert about["importances"] == told["importances"]


def test_the_trees_of_the_twin_are_fitted_once(monkeypatch):
    parts, truths, sources = world(5, 200, 0.0)
    plain = {part: aligned.only(BASE) for part, aligned in parts.items()}
    options, fitted = {**OPTIONS, "threshold": 1.64}, {}
    expected = fit(plain, truths["valid"], options, sources)
    fit(parts, truths["valid"], options, sources, fitted)
    monkeypatch.setattr(lambdamart, "fit_folds", None)
    scores, about = fit(plain, truths["valid"], options, sources, fitted)
    assert about == expected[1]
    assert all(np.array_equal(scores[part], expected[0][part]) for part in parts)
    with pytest.raises(TypeError):
        fit(plain, truths["valid"], {**options, "num_leaves": 3}, sources, fitted)


def test_lists_of_another_depth_are_another_fit(useful):
    parts, truths, sources, _, _ = useful
    test, fitted = parts["test"], {}
    shallow = replace(
        test,
        lists=test.lists.head(4),
        scores={name: scores[:, :4] for name, scores in test.scores.items()},
        ranks={name: ranks[:, :4] for name, ranks in test.ranks.items()},
    )
    for one in (test, shallow):
        scores, _ = cross_fitted({**parts, "test": one}, truths["valid"], OPTIONS, sources, fitted)
        assert scores["test"].shape == one.lists.items.shape
    assert len(fitted) == 2


def test_trees_that_win_nothing_are_the_base_list():
    found = []
    for seed in range(8):
        parts, truths, sources = world(seed, 150, 0.0)
        truth = truths["valid"]
        scores, about = fit(parts, truth, {**OPTIONS, "threshold": 1.64}, sources)
        base = single_scores(parts["valid"], BASE)
        assert valid_ndcg(parts["valid"], truth, scores["valid"]) >= valid_ndcg(parts["valid"], truth, base)
        found.append("its order is kept" in about.get("note", ""))
        assert np.array_equal(scores["valid"], base) == found[-1]
    assert any(found)


def test_trees_start_from_the_base_list():
    there = np.ones((2, 4), bool)
    np.testing.assert_allclose(start_scores(there), [-np.log([1, 2, 3, 4])] * 2)
    parts, truths, sources = world(2, 300, 0.0)
    scores, _ = fit_and_score(parts, truths["valid"], {**OPTIONS, "rounds": 1, "learning_rate": 1e-9}, sources)
    assert all((np.diff(scores[part], axis=1) < 0).all() for part in parts), "with nothing learned it is the base order"


def test_a_useful_signal_is_used(useful):
    parts, truths, sources, scores, about = useful
    again, told = fit(parts, truths["valid"], {**OPTIONS, "threshold": 1.64}, sources)
    assert told.pop("standard_errors_won") > 1.64 and told == about
    assert all(np.array_equal(again[part], scores[part]) for part in parts)


def test_labels_by_chance_give_valid_lists_by_chance():
    parts, truths, sources = world(3, 900, 0.0)
    scores, _ = fit_and_score(parts, truths["valid"], {**OPTIONS, "min_data_in_leaf": 1, "num_leaves": 31}, sources)
    depth = parts["valid"].lists.items.shape[1]
    gains = np.array([1 / np.log2(rank + 1) if rank <= 10 else 0 for rank in range(1, depth + 1)])
    there = (truths["valid"] >= 0).mean()
    chance, error = there * gains.mean(), gains.std() * np.sqrt(there / 900)
    assert abs(valid_ndcg(parts["valid"], truths["valid"], scores["valid"]) - chance) < 4 * error


def test_too_few_users_to_learn_from_keep_the_base_order():
    parts, truths, sources = world(4, 30, 1.0)
    truth = np.where(np.arange(30) < 9, np.maximum(truths["valid"], 0), -1)
    scores, about = fit_and_score(parts, truth, OPTIONS, sources)
    assert about["users_fitted"] == 0 and about["importances"] == {} and "only 9 users" in about["note"]
    assert all((np.diff(scores[part], axis=1) < 0).all() for part in parts)


def test_features_of_lists_are_missing_beyond_a_list():
    data = interactions_of([[0, 1, 2, 3], [1, 2, 5, 0]], 6)
    items = np.array([[5, 4, 2], [0, 3, -1]], np.int32)
    part = aligned(RankedLists(np.arange(2, dtype=np.int32), items, np.zeros((2, 3), np.float32)), {})
    part.ranks[BASE] = np.array([[1, 2, 3], [1, 2, 0]], np.int16)
    sources = sources_of(data)
    found = Features("valid", part, sources).of(np.arange(2))
    assert found.dtype == np.float32
    assert found.shape == (2, 3, len([*signal_names(part), *context_names(sources)]))
    score, rank = signal_names(part)
    assert (score, rank) == ("identity:score", "identity:rank")
    assert np.isnan(found[1, 2, :2]).all() and found[..., 1][part.ranks[BASE] > 0].tolist() == [1, 2, 3, 1, 2]
