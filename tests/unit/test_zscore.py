"""Weights fitted on valid: a useful signal counts, a useless one has weight 0, and nothing is lost on valid."""

from dataclasses import replace

import numpy as np
import pytest
from planted import aligned, planted, signal

from reelrank.data.lists import BASE
from reelrank.rerank.fusion import zscore
from reelrank.rerank.signals.aligned import gain_z, single_scores, valid_ndcg

OPTIONS = {"threshold": 2.6}


def world(seed, strengths, users=600, base=1.0, **options):
    """Return aligned parts with signals of these strengths, and the truth of both."""
    parts, truths = {}, {}
    for number, part in enumerate(("valid", "test")):
        lists, truths[part] = planted([seed, number], users, strength=base, **options)
        rng = np.random.default_rng([seed, number, 1])
        depth = lists.items.shape[1]
        parts[part] = aligned(lists, {name: signal(rng, truths[part], depth, of) for name, of in strengths.items()})
    return parts, truths


def fused(parts, truth):
    """Return the result of a fusion of all signals in one stage."""
    signals = [name for name in parts["valid"].scores if name != BASE]
    return fuse(parts, truth, [{"signals": signals}])


def fuse(parts, truth, stages):
    """Return the scores of both splits and the description."""
    fitted, about = zscore.fit(parts["valid"], truth, OPTIONS, stages, None)
    return {split: zscore.score(fitted, split, aligned, None) for split, aligned in parts.items()}, about


@pytest.mark.parametrize("seed", range(3))
def test_a_useful_signal_is_used_and_lifts_test(seed):
    parts, truths = world(seed, {"useful": 1.0, "useless": 0.0})
    scores, about = fused(parts, truths["valid"])
    assert about["weights"]["useful"] > 0 and about["weights"]["useless"] == 0 and about["weights"][BASE] == 1
    assert about["users_fitted"] == (truths["valid"] >= 0).sum()
    base = valid_ndcg(parts["test"], truths["test"], parts["test"].scores[BASE])
    assert valid_ndcg(parts["test"], truths["test"], scores["test"]) > base + 0.05


def test_a_useless_signal_gets_weight_0():
    for seed in range(20):
        parts, truths = world(seed, {"useless": 0.0, "too": 0.0}, users=300)
        scores, about = fused(parts, truths["valid"])
        assert about["weights"] == {BASE: 1, "useless": 0, "too": 0}, seed
        assert (scores["test"] == parts["test"].scores[BASE]).all()


def test_signals_that_tell_different_things_are_both_used():
    parts, truths = world(5, {"one": 1.0, "other": 1.0}, users=2000)
    assert all(fused(parts, truths["valid"])[1]["weights"].values())


@pytest.mark.parametrize("users", [1, 5, 40, 200])
@pytest.mark.parametrize("seed", range(6))
def test_on_valid_it_never_loses_to_the_base_or_a_signal_alone(users, seed):
    strengths = {"strong": 2.0 * (seed % 2), "weak": 0.3, "wrong": -1.0}
    parts, truths = world(seed, strengths, users, base=0.2)
    scores, _ = fused(parts, truths["valid"])
    valid = parts["valid"]
    found = valid_ndcg(valid, truths["valid"], scores["valid"])
    for name in valid.scores:
        assert found >= valid_ndcg(valid, truths["valid"], single_scores(valid, name)) - 1e-12, name


def test_a_signal_that_is_better_alone_stands_alone():
    parts, truths = world(1, {"strong": 5.0}, base=-3.0)
    scores, about = fused(parts, truths["valid"])
    assert about["weights"] == {BASE: 0, "strong": 1}
    assert (scores["test"].argmax(1) == (parts["test"].ranks["strong"] == 1).argmax(1)).all()


def test_equal_scores_and_no_hits_keep_the_base():
    lists, truth = planted(3, 50)
    same = aligned(lists, {"same": np.full(lists.items.shape, 0.1)})
    scores, about = fused({"valid": same, "test": same}, truth)
    assert about["weights"] == {BASE: 1, "same": 0} and (np.diff(scores["test"], axis=1) <= 0).all()
    scores, about = fused({"valid": same, "test": same}, np.full(50, -1))
    assert about["users_fitted"] == 0 and about["weights"] == {BASE: 1, "same": 0}
    assert np.isfinite(scores["valid"]).all()


def test_a_stage_is_fitted_upon_the_weights_of_the_stage_before():
    parts, truths = world(5, {"one": 1.0, "other": 1.0}, users=2000)
    only = {part: replace(own, scores={key: own.scores[key] for key in (BASE, "one")}) for part, own in parts.items()}
    stages = [{"signals": ["one"]}, {"signals": ["one", "other"]}]
    _, below = fuse(only, truths["valid"], stages[:1])
    _, about = fuse(parts, truths["valid"], stages)
    assert about["gates"] == [*below["gates"], {"decision": "used"}] and below["gates"][0]["decision"] == "used"
    assert about["weights"]["other"] > 0 and below["weights"]["one"] > 0


def test_the_standard_errors_of_a_gain_are_those_of_all_users():
    differences = np.random.default_rng(0).normal(0.1, 1, 80)
    everyone = np.concatenate([differences, np.zeros(120)])
    expected = everyone.mean() / (everyone.std() / np.sqrt(200))
    assert gain_z(differences, 200) == pytest.approx(expected)
    assert gain_z(np.zeros(5), 5) == 0 and gain_z(np.zeros(0), 0) == 0
