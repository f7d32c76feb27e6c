"""Audits of planted data: what is right passes, and each thing that is wrong is caught with its row named."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from small_data import random_interactions

from reelrank.audit.chance import LEVEL, against_chance, chance_check, expected_rates, outcomes
from reelrank.audit.checks import failure_message, to_json, to_markdown
from reelrank.audit.list_rules import hits_at_depth, permutation_faults, rank_faults, strangers
from reelrank.audit.shown_prompts import prompt_faults
from reelrank.audit.target_draws import redraw
from reelrank.audit.targets import Targets, places
from reelrank.audit.training_only import Comments, comment_faults, statistics_faults
from reelrank.data.lists import RankedLists
from reelrank.data.splits import item_statistics, split_table

N_ITEMS, N_USERS = 60, 600
ABOUT = {
    "dataset": "d", "protocol": "p", "base_model": "nfm", "seed": "1", "reranker": "near", "kind": "discriminative",
    "depth": "20", "split": "test",
}  # fmt: skip


def base_lists(seed=0, depth=30):
    """Return users' targets, redrawn at random, and lists that were made without them."""
    data = random_interactions(seed, n_users=N_USERS, n_items=N_ITEMS)
    items = data.items.copy()
    rows, drawn = redraw(data, seed)
    items[rows] = drawn
    queries = replace(data, items=items).queries("test")
    scores = np.random.default_rng([seed, 1]).random((N_USERS, N_ITEMS))
    had = queries.seen.matrix().toarray() > 0
    order = np.argsort(np.where(had, np.inf, scores), axis=1)[:, :depth].astype(np.int32)
    targets = Targets(queries.users, queries.targets, (~had).sum(1))
    return RankedLists(
        queries.users.astype(np.int32), order, -np.tile(np.arange(depth, dtype=np.float32), (N_USERS, 1))
    ), targets


def reranked(base, seed=1, depth=20):
    """Return the heads in random order."""
    head = base.head(depth)
    return head.reordered(np.random.default_rng(seed).random(head.items.shape))


def leaking(base, targets, depth=20):
    """Return the heads with the held-out item on top where it is there: a signal that looks at the target."""
    head = base.head(depth)
    return head.reordered(head.items == targets.items[:, None])


def checked(lists, base, targets, fitted=(), **about):
    about = ABOUT | about
    return chance_check([(about, outcomes(lists, about, base, targets))], [5, 10, 20], "", fitted)


def test_what_does_not_look_at_the_target_is_at_chance():
    base, targets = base_lists()
    for lists, depth in ((base, "30"), (reranked(base), "20")):
        check = checked(lists, base, targets, depth=depth)
        assert check.passed and len(check.rows) == (4 if depth == "30" else 3)
        for row in check.rows:
            assert row["low"] <= row["hits"] <= row["high"] and row["low"] < row["expected"] < row["high"]


def test_a_leak_is_caught_and_its_row_named():
    base, targets = base_lists()
    check = checked(leaking(base, targets), base, targets, reranker="leaking")
    assert [row["at_chance"] for row in check.rows] == [False, False, True], "a leak at depth 20 cannot show at 20"
    assert check.failures[0].startswith("nfm/seed1/leaking/test: ") and "hits at 5" in check.failures[0]
    assert "nfm/seed1/leaking/test" in failure_message([check], "d/p") and "d/p: the audit failed" in failure_message(
        [check], "d/p"
    )
    assert to_json([check])["passed"] is False and "hits at 5" in to_markdown([check], "d/p")


def test_what_avoids_the_target_is_caught_too():
    base, targets = base_lists()
    head = base.head(20)
    avoiding = head.reordered(-(head.items == targets.items[:, None]).astype(np.float32))
    assert not checked(avoiding, base, targets).passed


def test_a_leak_among_those_who_were_asked_is_caught():
    base, targets = base_lists()
    hit = places(base.head(20), targets) > 0
    asked = RankedLists(base.users[hit], base.items[hit, :20], base.scores[hit, :20])
    own = Targets(targets.users[hit], targets.items[hit], targets.pools[hit])
    honest, leak = reranked(asked), leaking(asked, own)
    assert checked(honest, base, targets, users="hits").passed
    assert not checked(leak, base, targets, users="hits").passed
    assert checked(honest, base, targets, users="hits").rows[0]["users"] == N_USERS


def test_only_a_valid_list_that_was_fitted_on_is_not_looked_at():
    base, targets = base_lists()
    leak = leaking(base, targets)
    assert checked(leak, base, targets, ["near"], kind="fusion", split="valid").rows == []
    assert not checked(leak, base, targets, ["near"], kind="fusion", split="test").passed
    assert not checked(leak, base, targets, ["other"], kind="fusion", split="valid").passed, "a cross-fitted one is"


@pytest.mark.parametrize(("users", "level"), [(50, 0.05), (400, 0.01), (3000, 0.05)])
def test_the_test_of_chance_keeps_its_level(users, level):
    rng = np.random.default_rng(users)
    rates = expected_rates(np.full(users, 20), rng.integers(60, 2000, users), 10)
    assert (rates <= 10 / 60).all()
    simulated = 4000
    hits = (rng.random((simulated, users)) < rates).sum(1)
    refused = {count: not against_chance(int(count), rates, level)["at_chance"] for count in np.unique(hits)}
    share = np.mean([refused[count] for count in hits])
    assert share <= level + 3 * np.sqrt(level * (1 - level) / simulated)


def test_the_interval_holds_what_the_test_accepts():
    rates = np.full(500, 0.02)
    accepted = [hits for hits in range(60) if against_chance(hits, rates, LEVEL)["at_chance"]]
    found = against_chance(0, rates, LEVEL)
    assert (found["low"], found["high"]) == (accepted[0], accepted[-1])


def test_no_hit_and_no_user_break_nothing():
    assert against_chance(0, np.zeros(0), LEVEL)["at_chance"]
    assert against_chance(0, np.zeros(9), LEVEL)["at_chance"] and not against_chance(1, np.zeros(9), LEVEL)["at_chance"]


def test_permutations():
    base, targets = base_lists()
    lists = reranked(base)
    assert permutation_faults(lists, ABOUT, base) == [] and strangers(lists, targets) == []
    items = lists.items.copy()
    items[7, 3] = np.setdiff1d(np.arange(N_ITEMS), base.items[7, :20])[0]
    faults = permutation_faults(replace(lists, items=items), ABOUT, base)
    assert len(faults) == 1 and f"user {lists.users[7]} is not a permutation of the first 20" in faults[0]
    deeper = base.items.copy()
    deeper[:, :21] = np.roll(deeper[:, :21], 1, axis=1)
    assert permutation_faults(RankedLists(base.users, deeper[:, :20], lists.scores), ABOUT, base)
    fewer = RankedLists(lists.users[1:], lists.items[1:], lists.scores[1:])
    assert "lacks user 0" in permutation_faults(fewer, ABOUT, base)[0]
    assert permutation_faults(fewer, ABOUT | {"users": "sample 599 seed 1"}, base) == []
    strange = replace(lists, users=lists.users + 1)
    assert f"holds user {N_USERS}" in permutation_faults(strange, ABOUT, base)[0]
    assert f"user {N_USERS}, who has no held-out item" in strangers(strange, targets)[0]
    assert "scores of user 0" in permutation_faults(replace(lists, scores=-lists.scores), ABOUT, base)[0]


def ranks_of(lists, targets, base=None):
    """Return the table of ranks of lists, of the users of `base` if given."""
    users = (base or lists).users
    rank = np.zeros(len(users), np.int16)
    rank[np.searchsorted(users, lists.users)] = places(lists, targets)
    return pa.table({"user": users, "rank": pa.array(rank, pa.int16(), mask=rank == 0), "in_list": rank > 0})


def test_ranks():
    base, targets = base_lists()
    lists = reranked(base)
    ranks = ranks_of(lists, targets)
    assert rank_faults(lists, ABOUT, base, targets, ranks) == []
    place = int(np.flatnonzero(places(lists, targets) > 1)[0])
    wrong = ranks["rank"].to_pylist()
    wrong[place] -= 1
    wrong_ranks = ranks.set_column(1, "rank", pa.array(wrong, pa.int16()))
    faults = rank_faults(lists, ABOUT, base, targets, wrong_ranks)
    assert len(faults) == 1 and f"the rank of user {lists.users[place]} is {wrong[place]}" in faults[0]
    hidden = ranks.set_column(2, "in_list", pa.array(np.zeros(N_USERS, bool)))
    assert rank_faults(lists, ABOUT, base, targets, hidden)
    assert "599 users" in rank_faults(lists, ABOUT, base, targets, ranks.slice(1))[0]


def test_hits_at_the_depth_are_those_of_the_base():
    base, targets = base_lists()
    own, expected = hits_at_depth(reranked(base), ABOUT, base, targets)
    assert own == expected > 0
    items = reranked(base).items.copy()
    miss = np.flatnonzero(places(base.head(20), targets) == 0)[0]
    items[miss, 0] = targets.items[miss]
    own, expected = hits_at_depth(RankedLists(base.users, items, base.scores[:, :20]), ABOUT, base, targets)
    assert own == expected + 1


def tables():
    """Return interactions, split and comments: user 0 has items 0 to 3, the last two held out; user 1 has 4, 5, 0."""
    user, item = np.array([0, 0, 0, 0, 1, 1, 1], np.int32), np.array([0, 1, 2, 3, 4, 5, 0], np.int32)
    codes = np.array([0, 0, 1, 2, 0, 1, 2], np.int8)
    timestamp = np.arange(7) * 10
    position = pa.array([0, 1, 2, 3, 0, 1, 2], pa.int32())
    interactions = pa.table({"user": user, "item": item, "timestamp": timestamp, "position": position})
    words = [
        "what a nice cat",
        "nice",
        "he falls into the water",
        "lovely",
        "ok",
        "so true",
        "the end is the best part",
    ]
    return (
        interactions,
        split_table(interactions["user"], position, codes),
        pa.table({"user": user, "item": item, "comment": words}),
    )


def test_comments():
    interactions, split, comments = tables()
    known = Comments(interactions, split, comments)
    clean = ["what a nice cat", "nice", "", "", "ok", ""]
    assert comment_faults(clean, known, "comments") == []
    leak = ["what a nice cat; the end is the best part", *clean[1:]]
    assert comment_faults(leak, known, "comments") == ["the text of item 0 holds the held-out comment of user 1"]
    assert comment_faults(leak, known, "cover_tags") == ["the text of item 0 holds the held-out comment of user 1"]
    assert "not a comment of a training interaction" in comment_faults(["", "nice!"], known, "comments")[0]
    assert "held-out comment of user 0" in comment_faults(["", "", "", "lovely"], known, "comments")[0]
    assert comment_faults(["", "", "", "lovely dog"], known, "cover_tags") == [], "a common word is no label"


def test_a_held_out_comment_that_is_also_a_training_comment_of_the_item_is_no_leak():
    interactions, split, comments = tables()
    same = comments.set_column(2, "comment", pa.array(["haha", "nice", "x", "y", "ok", "z", "haha"]))
    assert comment_faults(["haha"], Comments(interactions, split, same), "comments") == []


def test_popularity():
    interactions, split, _ = tables()
    codes = np.array([0, 0, 1, 2, 0, 1, 2], np.int8)
    item, timestamp = interactions["item"].to_numpy(), interactions["timestamp"].to_numpy()
    right = item_statistics(item, timestamp, codes, 6)
    assert statistics_faults(right, interactions, split, 6) == []
    of_all = item_statistics(item, timestamp, np.zeros(7, np.int8), 6)
    faults = statistics_faults(of_all, interactions, split, 6)
    assert "item 0 has popularity 2; training interactions alone give 1" in faults
    assert any("last_timestamp" in fault for fault in faults)


PROMPT = """I watched these, the oldest first:
1. "A cat of 1984 (comments: what a nice cat)"
Rank these: A. "The race" B. "The fall"
"""
ALLOWED = ["A cat of 1984", "what a nice cat", "The race", "The fall"]
HELD_OUT = ["the end is the best part of it", "nice"]


def faults_of(prompt, user_id="77712", item_ids=("1984", "20013"), timestamp=1_500_000_123_456):
    return prompt_faults(prompt, ALLOWED, user_id, item_ids, timestamp, HELD_OUT)


def test_a_clean_prompt_has_no_fault():
    assert faults_of(PROMPT) == [], "1984 is an item's id, and part of a title that is shown"
    assert faults_of(PROMPT, user_id="1") == [], "a short id cannot be told from the number of a line"


@pytest.mark.parametrize(
    ("planted", "expected"),
    [
        ("I am user 77712.", "the raw id of the user"),
        ("[20013] The race", "the raw id of item '20013'"),
        ("at 1500000123", "the timestamp"),
        ("at 1500000123456", "the timestamp"),
        ("The race (comments: the end is the best part of it)", "the held-out comment"),
        ("The race (comments: the end is the best part of i…)", "the held-out comment"),
    ],
)
def test_what_must_not_be_in_a_prompt_is_caught(planted, expected):
    faults = faults_of(PROMPT + planted)
    assert len(faults) == 1 and expected in faults[0]
