"""Metrics against an independent library, and the hit-rate table on a made example."""

import math
from statistics import NormalDist

import ir_measures
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelrank.data.lists import RankedLists
from reelrank.data.tables import write_table
from reelrank.errors import InputError
from reelrank.metrics.ranking import hits, ndcg, ranks_in_lists, reciprocal_rank, with_known_misses
from reelrank.metrics.statistics import wilson_interval
from reelrank.report.hit_rates import hit_rate_table, to_markdown

ABOUT = {"dataset": "d", "protocol": "leave_one_out", "base_model": "pop", "seed": 1, "config_digest": "0"}


def random_lists(seed, n_users=40, depth=12, n_items=20):
    """Return lists of different lengths, users with gaps, and a target per user (in the list or not)."""
    rng = np.random.default_rng(seed)
    items = np.stack([rng.permutation(n_items)[:depth] for _ in range(n_users)]).astype(np.int32)
    items[np.arange(depth) >= rng.integers(1, depth + 1, n_users)[:, None]] = -1
    users = np.sort(rng.choice(200, n_users, replace=False)).astype(np.int32)
    scores = -np.tile(np.arange(depth, dtype=np.float32), (n_users, 1))
    return RankedLists(users, items, scores, rng.integers(0, 9, items.shape)), rng.integers(0, n_items, n_users)


@pytest.mark.parametrize("seed", range(3))
def test_metrics_equal_those_of_an_independent_library(seed):
    lists, targets = random_lists(seed)
    rank, _ = ranks_in_lists(lists, lists.users, targets)
    qrels = [ir_measures.Qrel(str(user), str(target), 1) for user, target in zip(lists.users, targets, strict=True)]
    run = [
        ir_measures.ScoredDoc(str(user), str(item), 1000.0 - place)
        for user, row in zip(lists.users, lists.items, strict=True)
        for place, item in enumerate(row)
        if item >= 0
    ]
    for n in (1, 3, 5, 10):
        pairs = {ir_measures.Success @ n: hits, ir_measures.nDCG @ n: ndcg, ir_measures.RR @ n: reciprocal_rank}
        for measure, own in pairs.items():
            values = {value.query_id: value.value for value in ir_measures.iter_calc([measure], qrels, run)}
            expected = [values.get(str(user), 0.0) for user in lists.users]
            np.testing.assert_allclose(own(rank, n), expected, atol=1e-6, err_msg=str(measure))


@pytest.mark.parametrize("seed", range(3))
def test_ranks_equal_a_search_one_by_one(seed):
    lists, targets = random_lists(seed)
    asked = np.arange(200)
    of_user = np.full(200, 99)
    of_user[lists.users] = targets
    rank, raw_rank = ranks_in_lists(lists, asked, of_user)
    for row, items in enumerate(lists.items.tolist()):
        place = items.index(targets[row]) + 1 if targets[row] in items else 0
        assert rank[row] == place
        assert raw_rank[row] == (lists.raw_ranks[row, place - 1] if place else 0)
    plain = RankedLists(lists.users, lists.items, lists.scores)
    np.testing.assert_array_equal(*ranks_in_lists(plain, asked, of_user))
    with pytest.raises(ValueError, match="without a held-out item"):
        ranks_in_lists(lists, lists.users[:-1], targets[:-1])
    with pytest.raises(ValueError, match="without a held-out item"):
        ranks_in_lists(lists, lists.users[1:], targets[1:])


@pytest.mark.parametrize("seed", range(3))
def test_users_left_out_because_they_miss_are_misses(seed):
    lists, targets = random_lists(seed)
    whole = ranks_in_lists(lists, lists.users, targets)
    hit = whole[0] > 0
    asked = RankedLists(lists.users[hit], lists.items[hit], lists.scores[hit], lists.raw_ranks[hit])
    found = with_known_misses(asked.users, ranks_in_lists(asked, lists.users, targets), lists.users)
    assert not hit.all() and hit.any()
    for own, expected in zip(found, whole, strict=True):
        np.testing.assert_array_equal(own, expected)


@given(st.integers(1, 10**6), st.floats(0, 1), st.sampled_from([0.9, 0.95, 0.99]))
def test_wilson_equals_its_formula(n, share, confidence):
    successes = round(n * share)
    z, p = NormalDist().inv_cdf((1 + confidence) / 2), successes / n
    centre, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    expected = [(centre + sign * spread) / (1 + z * z / n) for sign in (-1, 1)]
    np.testing.assert_allclose(wilson_interval(successes, n, confidence), expected, atol=1e-9)


def test_wilson_of_nothing_and_of_the_ends():
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert wilson_interval(0, 10)[0] == 0 and wilson_interval(10, 10)[1] == 1
    assert wilson_interval(195, 1000)[0] == pytest.approx(0.1716, abs=1e-4)


@pytest.fixture
def write_ranks(tmp_path):
    """Return a function that writes a file of ranks (0: not in the list) and returns its path."""

    def to_file(reranker, ranks, kind="discriminative", depth=20, raw=None, split="test"):
        rank = np.array(list(ranks.values()), np.int16)
        raw_rank = np.array([(raw or ranks)[user] for user in ranks], np.int16)
        columns = {
            "user": list(ranks),
            "rank": pa.array(rank, mask=rank == 0),
            "in_list": rank > 0,
            "raw_rank": pa.array(raw_rank, mask=raw_rank == 0),
        }
        path = tmp_path / f"{reranker}.{split}.parquet"
        write_table(
            columns, "ranks", path, {**ABOUT, "reranker": reranker, "kind": kind, "depth": depth, "split": split}
        )
        return path

    return to_file


def test_the_table_of_a_made_example(write_ranks):
    paths = [
        write_ranks("llm", {1: 1, 3: 3, 4: 0, 5: 4}, "generative", raw={1: 1, 3: 6, 4: 0, 5: 0}),
        write_ranks("identity", {1: 6, 2: 1, 3: 0, 4: 30, 5: 5}, "base", depth=100),
    ]
    table = hit_rate_table(paths, [5, 20])
    assert table["reranker"].tolist() == ["identity"] * 2 + ["llm"] * 2 and table["n"].tolist() == [5, 20] * 2
    base, llm = table.iloc[0], table.iloc[2]
    assert (base["users"], base["hits"], base["hit_rate"], base["change_percent"]) == (5, 2, 0.4, 0)
    assert base["ceiling"] == 0.8 and base["kind"] == "base" and base["depth"] == 100
    # On the users that both have, the base hits one (user 5) and the re-ranker three: one of them was lost and
    # put back, and one stood sixth in what the model returned, behind repeated items.
    assert (llm["users"], llm["hits"], llm["hits_unrepaired"], llm["hit_rate"]) == (4, 3, 1, 0.75)
    assert llm["change_percent"] == 200 and llm["ceiling"] == 0.75
    assert (llm["ci_low"], llm["ci_high"]) == wilson_interval(3, 4)
    assert llm["mrr"] == pytest.approx((1 + 1 / 3 + 1 / 4) / 4)
    assert llm["ndcg"] == pytest.approx((1 + 1 / 2 + 1 / math.log2(5)) / 4)


def test_a_base_without_hits_has_no_change(write_ranks):
    paths = [write_ranks("identity", {1: 9, 2: 0}, "base"), write_ranks("other", {1: 1, 2: 0})]
    table = hit_rate_table(paths, [5, 20])
    assert table["change_percent"].isna().tolist() == [True, False, True, False]
    text = to_markdown(
        table,
        [5, 20],
        {"title": "Made", "synthetic": True, "published": [{"base_model": "x", "reranker": "y", "hits": {20: 3}}]},
        {"items": 7, "interactions": 9, "users_dropped_too_short": 2, "min_interactions": 3},
        {"users_without_test_target": 0},
    )
    assert "# Hit rates on Made (synthetic)" in text and "| n/a |" in text and "*published*" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith("|")}
    assert len(widths) == 1, "all rows of the table have the same number of cells"


def test_nobody_in_common_gives_no_numbers(write_ranks):
    paths = [write_ranks("identity", {1: 1}, "base"), write_ranks("other", {2: 1})]
    other = hit_rate_table(paths, [5]).iloc[1]
    assert other["users"] == other["hits"] == 0 and np.isnan(other["hit_rate"]) and np.isnan(other["ndcg"])
    assert (other["ci_low"], other["ci_high"]) == (0, 1)


def test_splits_are_compared_to_their_own_base(write_ranks):
    paths = [
        write_ranks("identity", {1: 1, 2: 2}, "base"),
        write_ranks("identity", {1: 0, 2: 2}, "base", split="valid"),
        write_ranks("other", {1: 1, 2: 1}, split="valid"),
    ]
    table = hit_rate_table(paths, [5]).set_index(["split", "reranker"])
    assert table.loc[("valid", "other"), "change_percent"] == 100
    assert table.loc[("test", "identity"), "hits"] == 2


def test_no_n_may_be_deeper_than_a_list(write_ranks):
    paths = [write_ranks("identity", {1: 1}, "base", depth=100), write_ranks("other", {1: 1}, depth=20)]
    with pytest.raises(InputError, match=r"cutoffs: found n = 50; expected at most 20, the depth of re-ranker 'other'"):
        hit_rate_table(paths, [5, 50])
    assert len(hit_rate_table(paths, [20])) == 2
