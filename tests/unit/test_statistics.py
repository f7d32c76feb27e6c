"""Intervals and tests: against independent libraries, and by simulation where the truth is known."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from synthetic_pairs import LARGE, NO_EFFECT, SMALL, draw, one_way_p_values, truth

from reelrank.evaluation.differences import effect
from reelrank.metrics.ranking import ndcg, reciprocal_rank
from reelrank.metrics.resampling import Pairs, bootstrap
from reelrank.metrics.statistics import (
    adjusted_interval,
    adjusted_standard_error,
    effective_number,
    holm,
    mcnemar_mid_p,
    paired_p,
    seed_degrees,
    sign_flip_p,
    smallest_effect,
    stretch,
    wilson_interval,
)

MEASURES = [("hit_rate", 10), ("ndcg", 10)]


def covered(population, users, tables, resamples=600):
    """Return how often the intervals of simulated tables hold the truth: of values and of differences."""
    rng = np.random.default_rng(7)
    expected = {measure: truth(population, *measure) for measure in MEASURES}
    found = {(metric, what): 0 for metric, _ in MEASURES for what in ("value", "difference")}
    for _ in range(tables):
        pairs = draw(population, users, rng)
        values, against = bootstrap(pairs, MEASURES, resamples)
        for column, (metric, n) in enumerate(MEASURES):
            row = effect(pairs, metric, n, values[:, column], against[:, column], False, np.nan)
            value, base = expected[metric, n]
            found[metric, "value"] += row["value_low"] <= value <= row["value_high"]
            found[metric, "difference"] += row["difference_low"] <= value - base <= row["difference_high"]
    return {key: count / tables for key, count in found.items()}


@pytest.mark.parametrize(("population", "users"), [(LARGE, 943), (SMALL, 943)])
def test_intervals_of_a_thousand_tables_hold_the_truth(population, users):
    for what, share in covered(population, users, 1000).items():
        assert 0.93 <= share <= 0.97, (what, share)


def test_intervals_hold_the_truth_where_few_users_differ():
    for what, share in covered(SMALL, 100, 300).items():
        assert share >= 0.93, (what, share)


def test_p_values_keep_their_level_under_the_null():
    rng, tables = np.random.default_rng(3), 1000
    p_values = np.array([one_way_p_values(draw(NO_EFFECT, 943, rng)) for _ in range(tables)])
    for level in (0.01, 0.05, 0.1):
        allowed = level + 2.5 * np.sqrt(level * (1 - level) / tables)
        assert ((p_values <= level).mean(axis=0) <= allowed).all(), level
    # Five re-rankers, two metrics each: the chance that any of the ten is declared.
    families = p_values.reshape(-1, 10)
    declared = np.mean([(holm(family) <= 0.05).any() for family in families])
    assert declared <= 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / len(families))
    assert (families <= 0.05).any(axis=1).mean() > 0.2, "without Holm it would be several times the level"


@given(st.integers(0, 60), st.integers(0, 60))
def test_mid_p_equals_the_binomial_test_less_half_of_what_was_seen(gained, lost):
    both = gained + lost
    exact = stats.binomtest(gained, both, 0.5).pvalue if both else 1.0
    seen = stats.binom.pmf(gained, both, 0.5)  # in both tails unless they are the same outcome
    expected = exact - (seen if gained != lost else seen / 2)
    if gained == lost:
        expected = 1.0
    assert mcnemar_mid_p(gained, lost) == pytest.approx(expected, abs=1e-12)
    assert mcnemar_mid_p(gained, lost) == mcnemar_mid_p(lost, gained)


#: What ranx computes, in a process of its own: compiling its metrics would take longer than all tests here.
RANX = """
import json, sys
from ranx import Qrels, Run, compare
qrels, *runs = json.load(sys.stdin)
runs = [Run(run, name=str(place)) for place, run in enumerate(runs)]
report = compare(Qrels(qrels), runs, ["ndcg@10", "mrr@10", "hit_rate@10"], stat_test="student").to_dict()
report = {side: {"scores": report[side]["scores"], "p": report[side]["comparisons"]} for side in ("0", "1")}
json.dump(report, sys.stdout, default=float)
"""


def test_means_and_paired_tests_equal_those_of_ranx():
    rng, users, items = np.random.default_rng(5), 120, 40
    targets = rng.integers(0, items, users)
    lists = [np.stack([rng.permutation(items)[:20] for _ in range(users)]) for _ in range(2)]
    qrels = {str(user): {str(item): 1} for user, item in enumerate(targets)}
    runs = [
        {str(user): {str(item): 100.0 - place for place, item in enumerate(row)} for user, row in enumerate(rows)}
        for rows in lists
    ]
    process = subprocess.run(
        [sys.executable, "-c", RANX],
        input=json.dumps([qrels, *runs]),
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    report = json.loads(process.stdout)
    found = [rows == targets[:, None] for rows in lists]
    ranks = [np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, 0) for hit in found]
    pairs = Pairs.of(ranks[1][:, None], ranks[0][:, None], 10)
    for metric, theirs, measure in [("ndcg", "ndcg@10", ndcg), ("mrr", "mrr@10", reciprocal_rank)]:
        draws = bootstrap(pairs, [(metric, 10)], 200)
        row = effect(pairs, metric, 10, draws[0][:, 0], draws[1][:, 0], False, np.nan)
        assert row["value"] == pytest.approx(report["1"]["scores"][theirs])
        assert row["against_value"] == pytest.approx(report["0"]["scores"][theirs])
        assert row["p_value"] == pytest.approx(report["1"]["p"]["0"][theirs])
        same = stats.ttest_rel(measure(ranks[1], 10), measure(ranks[0], 10)).pvalue
        assert row["p_value"] == pytest.approx(same)


def test_signs_are_flipped_where_t_is_not_normal():
    assert paired_p(np.zeros(9)) == 1
    assert paired_p(np.array([0.5, 0, 0])) == 1, "one user proves nothing"
    assert paired_p(np.full(20, 0.3)) == 2 / 2**20
    differences = np.zeros(500)
    differences[:4] = 0.3
    assert stats.ttest_1samp(differences, 0).pvalue < 0.05 < paired_p(differences) == 2 / 2**4
    exact = stats.permutation_test((np.array([0.5, -0.1, 0.3, 0.2, 0.4]),), np.mean, permutation_type="samples")
    assert sign_flip_p(np.array([0.5, -0.1, 0.3, 0.2, 0.4])) == pytest.approx(exact.pvalue)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_equals_its_definition(p_values):
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    running, expected = 0.0, [0.0] * len(p_values)
    for step, place in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - step) * p_values[place]))
        expected[place] = running
    np.testing.assert_allclose(holm(p_values), expected)


def test_holm_of_a_known_family_and_of_none():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    assert len(holm([])) == 0


def test_nobody_differing_is_no_proof_that_nobody_could():
    low, high = adjusted_interval(np.zeros(1), np.array([943]))
    assert low == -high and 0.0025 < high < 0.0035
    assert adjusted_interval(np.zeros(1), np.array([1]))[1] < 1
    assert smallest_effect(adjusted_standard_error(np.zeros(1), np.array([943]))) == pytest.approx(0.0042, abs=1e-4)


def test_the_interval_of_few_hits_equals_the_paper():
    # Bonett & Price (2012): gained 6, lost 1 of 30.
    gained, lost, n = 7 / 32, 2 / 32, 32
    spread = stats.norm.ppf(0.975) * np.sqrt((gained + lost - (gained - lost) ** 2) / n)
    found = adjusted_interval(np.array([1.0, -1.0, 0.0]), np.array([6, 1, 23]))
    np.testing.assert_allclose(found, [gained - lost - spread, gained - lost + spread])


def test_wilson_takes_fractions_and_its_ends():
    assert wilson_interval(2.5, 10)[0] < 0.25 < wilson_interval(2.5, 10)[1]
    with_scipy = stats.binomtest(3, 943).proportion_ci(0.95, "wilson")
    np.testing.assert_allclose(wilson_interval(3, 943), [with_scipy.low, with_scipy.high])


def test_the_effective_number_counts_equals_and_discounts_the_rest():
    assert effective_number(np.array([1.0, -1.0, 0.0]), np.array([3, 4, 90])) == pytest.approx(7, rel=0.05)
    assert effective_number(np.array([1.0, 0.0]), np.array([990, 4])) == pytest.approx(4, rel=0.05)
    assert effective_number(np.array([1.0, 0.01]), np.array([2, 500])) < 3
    assert effective_number(np.zeros(2), np.array([5, 5])) == 0


def test_few_seeds_that_decide_all_are_no_proof():
    assert seed_degrees(np.array([0.3]), 0.01) == np.inf and seed_degrees(np.full(3, 0.3), 0.01) == np.inf
    assert seed_degrees(np.array([0.3]), np.nan) == seed_degrees(np.zeros(1), 0.0) == np.inf
    assert seed_degrees(np.array([0.2, 0.4]), 0.1) == pytest.approx(1), "all of the variance is of two seeds"
    assert stretch(np.inf) == 1 and stretch(1) == pytest.approx(6.483, abs=1e-3)
    assert smallest_effect(1.0, degrees=2) > smallest_effect(1.0) == pytest.approx(2.8016, abs=1e-4)


@pytest.mark.parametrize(("of_seeds", "most"), [(0.0, 0.05), (1.0, 0.05), (3.0, 0.08)])
def test_p_values_over_three_seeds_keep_near_their_level(of_seeds, most):
    # What differs under a seed: a part of the users, the same for all seeds (error 1), and one of the seed itself.
    rng = np.random.default_rng(3)
    means = rng.normal(0, 1, (4000, 1)) + rng.normal(0, of_seeds, (4000, 3))
    errors = np.sqrt(1 + means.var(axis=1, ddof=1) / 3)
    degrees = [seed_degrees(row, error) for row, error in zip(means, errors, strict=True)]
    assert (2 * stats.t.sf(abs(means.mean(axis=1)) / errors, degrees) < 0.05).mean() < most + 0.01


def test_the_smallest_effect_is_shown_four_times_in_five():
    error = 0.01
    shown = np.abs(np.random.default_rng(1).normal(smallest_effect(error), error, 20_000)) > 1.96 * error
    assert shown.mean() == pytest.approx(0.8, abs=0.01)
