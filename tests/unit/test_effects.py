"""The table of effects on made examples, and what must hold of any."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelrank.data.tables import write_table
from reelrank.evaluation.differences import NUMBERS, effect
from reelrank.evaluation.effects import KEYS, effects_table, read_all_ranks, to_csv
from reelrank.metrics.resampling import METRICS, Pairs, bootstrap
from reelrank.metrics.statistics import holm, mcnemar_mid_p

RESAMPLES = 1000
ABOUT = {"dataset": "d", "protocol": "leave_one_out", "config_digest": "0"}


def numbers(ranks, against, metric="hit_rate", n=10, fixed=False, ceiling=np.nan):
    """Return a row for two columns of ranks, ``(users,)`` or ``(users, seeds)``."""
    columns = [np.asarray(side).reshape(len(side), -1) for side in (ranks, against)]
    pairs = Pairs.of(*columns, 20)
    values, others = bootstrap(pairs, [(metric, n)], RESAMPLES)
    return effect(pairs, metric, n, values[:, 0], others[:, 0], fixed, ceiling)


RANKS = st.integers(0, 25)
TABLES = st.lists(st.tuples(RANKS, RANKS), min_size=1, max_size=60).map(np.array)
METRIC = st.sampled_from(sorted(METRICS))


@settings(max_examples=40, deadline=None)
@given(TABLES, METRIC, st.sampled_from([1, 5, 20]))
def test_an_interval_holds_its_estimate_and_the_order_of_users_tells_nothing(table, metric, n):
    row = numbers(*table.T, metric, n)
    measured = [METRICS[metric](side * (side <= 20), n).mean() for side in table.T]
    assert [row["value"], row["against_value"]] == pytest.approx(measured)
    assert 0 <= row["value_low"] <= row["value"] <= row["value_high"] <= 1
    assert -1 <= row["difference_low"] <= row["difference"] <= row["difference_high"] <= 1
    assert row["difference_low"] < row["difference_high"]
    if row["against_value"]:
        assert -100 <= row["relative_low"] <= row["relative_percent"] + 1e-9
        assert not row["relative_high"] < row["relative_percent"] - 1e-9
    assert 0 <= row["p_value"] <= 1 and row["smallest_effect"] > 0
    pd.testing.assert_series_equal(pd.Series(row), pd.Series(numbers(*table[::-1].T, metric, n)))


@settings(max_examples=30, deadline=None)
@given(TABLES, METRIC)
def test_swapped_sides_negate(table, metric):
    row, swapped = numbers(*table.T, metric), numbers(*table[:, ::-1].T, metric)
    assert row["difference"] == pytest.approx(-swapped["difference"])
    assert (row["gained"], row["lost"]) == (swapped["lost"], swapped["gained"])
    assert row["p_value"] == pytest.approx(swapped["p_value"])
    # The draws of the groups differ, so that the ends agree up to the noise of the resamples.
    width = row["difference_high"] - row["difference_low"]
    assert row["difference_low"] == pytest.approx(-swapped["difference_high"], abs=0.3 * width + 1e-9)


def test_the_bootstrap_over_groups_is_the_bootstrap_over_users():
    rng = np.random.default_rng(2)
    ranks = rng.integers(0, 15, (200, 2))
    pairs = Pairs.of(ranks[:, :1], ranks[:, 1:], 10)
    assert pairs.users == 200 and len(pairs.counts) <= 11 * 11
    values, against = bootstrap(pairs, [("ndcg", 10)], 20_000)
    outcomes = METRICS["ndcg"](ranks, 10)
    drawn = outcomes[rng.integers(0, 200, (20_000, 200))].mean(axis=1)
    for ours, naive in zip((values[:, 0], against[:, 0], values[:, 0] - against[:, 0]),
                           (*drawn.T, drawn[:, 0] - drawn[:, 1]), strict=True):  # fmt: skip
        assert ours.mean() == pytest.approx(naive.mean(), abs=4 * naive.std() / 100)
        assert ours.std() == pytest.approx(naive.std(), rel=0.03)
        np.testing.assert_allclose(np.quantile(ours, [0.025, 0.975]), np.quantile(naive, [0.025, 0.975]), atol=0.003)


def test_no_hits_give_intervals_and_no_division():
    zeros = np.zeros(943, int)
    row = numbers(zeros, zeros)
    assert row["value"] == row["value_low"] == 0 and row["value_high"] == pytest.approx(0.00406, abs=1e-4)
    assert row["difference"] == 0 and row["difference_low"] < 0 < row["difference_high"] and row["p_value"] == 1
    assert np.isnan(row["relative_percent"]) and np.isnan(row["headroom_captured"]) and "relative_low" not in row
    assert not row["structural_zero"]
    for metric in METRICS:
        some = numbers(np.where(np.arange(943) < 40, 1, 0), zeros, metric)
        assert some["difference_low"] > 0 and some["p_value"] < 1e-6 and np.isnan(some["relative_percent"])


def test_users_who_all_gain_the_same_leave_an_interval():
    for metric in METRICS:
        row = numbers(np.full(30, 2), np.zeros(30, int), metric)
        assert (
            row["difference_low"] < row["difference"] and row["value_low"] < row["value"] and 0 < row["p_value"] < 1e-6
        )


@pytest.mark.parametrize("ranks", [(1, 0), (0, 1), (3, 3), (0, 0), (1, 2)])
def test_a_single_user_proves_nothing(ranks):
    for metric in METRICS:
        row = numbers([ranks[0]], [ranks[1]], metric)
        assert row["p_value"] > 0.49 and row["difference_high"] - row["difference_low"] > 0.5
        assert all(np.isfinite(row[key]) for key in ("smallest_effect", "value_low", "value_high"))


def test_what_cannot_differ_is_exactly_zero():
    ranks = np.random.default_rng(0).integers(0, 20, 100)
    row = numbers(ranks, ranks, "hit_rate", 20, fixed=True)
    assert row["structural_zero"] and row["difference_low"] == row["difference"] == row["difference_high"] == 0
    assert row["relative_low"] == row["relative_high"] == 0 and "p_value" not in row and "smallest_effect" not in row
    same = numbers(ranks, ranks, "hit_rate", 20)
    assert not same["structural_zero"] and same["difference_low"] < 0 < same["difference_high"]


def test_seeds_that_disagree_widen_the_interval():
    rng = np.random.default_rng(4)
    base = rng.integers(0, 40, 500)
    better, worse = np.where(rng.random(500) < 0.3, 1, base), np.where(rng.random(500) < 0.3, 0, base)
    width = lambda row: row["difference_high"] - row["difference_low"]  # noqa: E731
    alike = numbers(np.stack([better] * 3, 1), np.stack([base] * 3, 1))
    split = numbers(np.stack([better, worse, base], 1), np.stack([base] * 3, 1))
    one = numbers(better, base)
    assert width(alike) == pytest.approx(width(one), rel=0.1), "seeds that agree are one seed"
    assert width(split) > 1.5 * width(one)
    assert alike["p_value"] < 1e-6 and split["p_value"] > 0.05
    assert alike["gained"] == 3 * one["gained"] and alike["users"] == 500
    assert numbers(np.stack([base] * 2, 1), np.stack([base] * 2, 1))["p_value"] == 1


def test_two_seeds_vary_as_much_as_their_difference_says():
    # Users are many and alike, so that what is left is between the seeds: half of the difference each way.
    ranks = np.stack([np.tile([1, 0], 500), np.tile([0, 0], 500)], 1)
    pairs = Pairs.of(ranks, np.zeros_like(ranks), 10)
    values, _ = bootstrap(pairs, [("hit_rate", 10)], 4000)
    assert values.var() == pytest.approx(np.var([0.5, 0], ddof=1) / 2, rel=0.1)


@pytest.fixture
def write_ranks(tmp_path):
    """Return a function that writes a file of ranks (0: not in the list) and returns its path."""

    def to_file(reranker, ranks, kind="discriminative", depth=20, split="test", seed=1, users=None):
        rank = np.asarray(ranks, np.int16)
        column = pa.array(rank, mask=rank == 0)
        users = range(len(rank)) if users is None else users
        path = tmp_path / f"{reranker}.{seed}.{split}.parquet"
        about = {**ABOUT, "base_model": "pop", "seed": seed}
        about |= {"reranker": reranker, "kind": kind, "depth": depth, "split": split}
        write_table({"user": users, "rank": column, "in_list": rank > 0, "raw_rank": column}, "ranks", path, about)
        return path

    return to_file


def table_of(paths, cutoffs, inert=()):
    """Return the table of effects of files of ranks."""
    return effects_table(read_all_ranks(paths), cutoffs, inert, RESAMPLES)


def lists(write_ranks, seeds=(1,), users=300):
    """Write a base, a shuffle, a fusion and its rung without text, valid and test."""
    rng = np.random.default_rng(8)
    paths = []
    for seed in seeds:
        for split in ("valid", "test"):
            base = rng.integers(0, 41, users)
            inside = (base > 0) & (base <= 20)
            fusion, plain = np.maximum(base - 8, base > 0), np.maximum(base - 4, base > 0)
            shuffled = np.where(inside, rng.integers(1, 21, users), base)
            about = {"split": split, "seed": seed}
            paths += [
                write_ranks("identity", base, "base", 100, **about),
                write_ranks("random", shuffled, "control", **about),
                write_ranks("rrf", fusion, "fusion", 100, **about),
                write_ranks("rrf_no_text", plain, "fusion", 100, **about),
            ]
    return paths


def test_the_table_and_its_family(write_ranks):
    table = table_of(lists(write_ranks), [5, 10, 20])
    assert list(table.columns) == [*KEYS, *NUMBERS] and len(table) == 2 * 4 * 3 * 3
    family = table[table["in_family"]]
    assert set(zip(family["reranker"], family["metric"], strict=True)) == {
        (name, metric) for name in ("random", "rrf", "rrf_no_text") for metric in ("hit_rate", "ndcg")
    }
    assert (family["split"] == "test").all() and (family["n"] == 10).all() and (table["against"] == "identity").all()
    np.testing.assert_allclose(family["p_adjusted"], holm(family["p_value"]))
    assert set(family["family_size"]) == {6} and table.loc[~table["in_family"], "p_adjusted"].isna().all()
    identity = table[table["reranker"] == "identity"]
    assert (
        identity["structural_zero"].all() and (identity["difference"] == 0).all() and identity["p_value"].isna().all()
    )
    zero = table[table["structural_zero"] & (table["reranker"] != "identity")]
    assert set(zip(zero["reranker"], zero["metric"], zero["n"], strict=True)) == {("random", "hit_rate", 20)}
    assert table["seed"].tolist() == ["1"] * len(table)


def test_what_can_only_return_its_base_is_no_test(write_ranks):
    paths = lists(write_ranks)
    base = {
        part: pd.read_parquet(paths[4 * at])["rank"].fillna(0).to_numpy() for at, part in enumerate(("valid", "test"))
    }
    paths += [write_ranks("sum", base[part], "fusion", 100, split=part) for part in base]
    of_sum = [table_of(paths, [10], inert).query("reranker == 'sum' and split == 'test'") for inert in ([], ["sum"])]
    assert of_sum[0]["in_family"].any() and not of_sum[0]["structural_zero"].any()
    assert not of_sum[1]["in_family"].any() and of_sum[1]["structural_zero"].all()
    assert (of_sum[1][["difference", "difference_low", "difference_high"]] == 0).all(axis=None)


def test_the_ceiling_is_the_base_at_the_depth_of_the_re_ranker(write_ranks):
    paths = lists(write_ranks)
    table = table_of(paths, [5]).query("split == 'test' and metric == 'ndcg'").set_index("reranker")
    base = pd.read_parquet(paths[4])["rank"].fillna(0).to_numpy()
    for reranker, depth in (("random", 20), ("rrf", 100)):
        row = table.loc[reranker]
        ceiling = ((base > 0) & (base <= depth)).mean()
        assert row["headroom_captured"] == pytest.approx(row["difference"] / (ceiling - row["against_value"]))


def test_where_several_seeds_run_the_family_is_over_all_of_them(write_ranks):
    paths = lists(write_ranks, seeds=(2, 10))
    table = table_of(paths, [3, 7, 15])
    assert table["seed"].unique().tolist() == ["2", "10", "all"]
    assert set(table.loc[table["in_family"], "seed"]) == {"all"} and set(table.loc[table["in_family"], "n"]) == {7}
    keys = ["split", "reranker", "against", "metric", "n"]
    means = table[table["seed"] != "all"].groupby(keys)["difference"].mean()
    pooled = table[table["seed"] == "all"].set_index(keys)["difference"]
    pd.testing.assert_series_equal(pooled.sort_index(), means.sort_index())


def test_lists_are_compared_on_the_users_that_both_have(write_ranks):
    paths = [
        write_ranks("identity", [1, 0, 3, 30], "base", 100, users=[1, 2, 3, 5]),
        write_ranks("llm", [1, 2, 1], "generative", users=[2, 3, 4]),
        write_ranks("nobody", [1], users=[9]),
    ]
    table = table_of(paths, [10]).query("metric == 'hit_rate'").set_index("reranker")
    row = table.loc["llm"]
    assert (row["users"], row["value"], row["against_value"], row["gained"], row["lost"]) == (2, 1.0, 0.5, 1, 0)
    assert row["p_value"] == mcnemar_mid_p(1, 0) and row["in_family"]
    nobody = table.loc["nobody"]
    assert nobody["users"] == 0 and not nobody["in_family"] and nobody[["value", "p_value", "gained"]].isna().all()
    text = to_csv(table.reset_index())
    assert "nan" not in text.lower().replace("nobody", "") and ",-0," not in text and ",true," in text


def test_a_permutation_that_changed_its_hits_is_no_structural_zero(write_ranks):
    paths = [write_ranks("identity", [1, 0, 3], "base", 100), write_ranks("broken", [1, 2, 3], depth=10)]
    table = table_of(paths, [10]).set_index(["reranker", "metric"])
    row = table.loc[("broken", "hit_rate")]
    assert not row["structural_zero"] and row["gained"] == 1


def test_what_rounding_leaves_of_a_nought_is_one():
    row = {"in_family": [True], "structural_zero": [False], "difference_high": [-1.11e-16], "p_value": [2e-20]}
    assert to_csv(pd.DataFrame(row)).splitlines()[1] == "true,false,0,2e-20"


def test_the_same_files_give_the_same_bytes(write_ranks):
    paths = lists(write_ranks)
    first = to_csv(table_of(paths, [5, 10]))
    assert first == to_csv(table_of(paths[::-1], [5, 10]))
