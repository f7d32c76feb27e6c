"""The table of the ladder: what the primary comparison chooses, the family of rungs, and what must hold of any row."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelrank.config.comparisons import comparisons, contenders
from reelrank.evaluation.differences import NUMBERS, differences
from reelrank.evaluation.effects import to_csv
from reelrank.evaluation.ladder import KEYS, ladder_table, primary_comparisons, rung_of
from reelrank.metrics.statistics import holm

RESAMPLES = 300
USERS = 200
PLAIN, WORDS, MODEL = ["interactions", "metadata"], ["interactions", "words"], ["encoder", "interactions", "words"]


def contender(reranker, reads, base_model="pop"):
    """Return a list that may be chosen."""
    return {"base_model": base_model, "reranker": reranker, "reads": reads}


CONTENDERS = [contender("identity", PLAIN), contender("words", WORDS), contender("fusion", MODEL)]


def comparison(rung, against_rung, base_models=("pop", "pop")):
    """Return a comparison of two rungs, whose lists are named as the rungs."""
    return {
        "place": "ranking", "base_model": base_models[0], "reranker": rung, "rung": rung,
        "against_base_model": base_models[1], "against": against_rung, "against_rung": against_rung,
    }  # fmt: skip


def lists_of(valid, test=None, seeds=("1",)):
    """Return lists as `read_all_ranks` does.

    `valid` and `test` hold ranks by re-ranker over pop, or by base model and re-ranker; several columns are seeds.
    """
    found = {}
    for split, ranks in (("valid", valid), ("test", test or valid)):
        for name, columns in ranks.items():
            base_model, reranker = name if isinstance(name, tuple) else ("pop", name)
            columns = np.asarray(columns).reshape(len(columns), len(seeds))
            about = {"dataset": "d", "protocol": "leave_one_out"}
            found[split, base_model, reranker] = {
                seed: (pd.DataFrame({"rank": columns[:, place]}), about) for place, seed in enumerate(seeds)
            }
    return found


def hits(share, users=USERS):
    """Return ranks: 1 for a share of the users, 0 for the others."""
    return np.where(np.arange(users) < share * users, 1, 0)


def chosen(lists, able=CONTENDERS):
    """Return what is compared, by place: the two lists."""
    return {
        one["place"]: ((one["base_model"], one["reranker"]), (one["against_base_model"], one["against"]))
        for one in primary_comparisons(lists, able, 10)
    }


VALID = {"identity": hits(0.1), "words": hits(0.2), "fusion": hits(0.3)}


def test_each_class_chooses_among_the_lists_that_read_no_more_than_it_may():
    found = chosen(lists_of(VALID))
    assert found == {
        "primary": (("pop", "fusion"), ("pop", "words")),
        "words": (("pop", "words"), ("pop", "identity")),
        "chosen_no_text": (("pop", "fusion"), ("pop", "identity")),
        "chosen_base_model": (("pop", "fusion"), ("pop", "identity")),
    }
    # Where the base list is the best, it stands for those that may read words too; a model's list is still compared.
    found = chosen(lists_of({**VALID, "identity": hits(0.9)}))
    assert found == {
        "primary": (("pop", "fusion"), ("pop", "identity")),
        "words": (("pop", "identity"), ("pop", "identity")),
        "chosen_no_text": (("pop", "fusion"), ("pop", "identity")),
        "chosen_base_model": (("pop", "fusion"), ("pop", "identity")),
    }


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ({"list": ["pop", "words"], "against": ["pop", "identity"]}, (("pop", "words"), ("pop", "identity"))),
        ({"list": ["pop", "words"], "against": None}, (("pop", "words"), ("pop", "words"))),
        ({"list": None, "against": ["pop", "identity"]}, (("pop", "fusion"), ("pop", "identity"))),
    ],
)
def test_a_primary_test_that_is_named_is_the_one(named, expected):
    found = {one["place"]: one for one in primary_comparisons(lists_of(VALID), CONTENDERS, 10, named)}["primary"]
    assert ((found["base_model"], found["reranker"]), (found["against_base_model"], found["against"])) == expected


def test_the_chosen_list_is_compared_with_the_best_base_model_whatever_it_reads():
    able = [contender("identity", PLAIN), contender("fusion", PLAIN), contender("identity", MODEL, "sasrec_minilm")]
    lists = lists_of({"identity": hits(0.1), "fusion": hits(0.3), ("sasrec_minilm", "identity"): hits(0.4)})
    found = chosen(lists, able)
    assert found["chosen_base_model"] == (("pop", "fusion"), ("sasrec_minilm", "identity"))
    assert "chosen_no_text" not in found, "it is the best list without text itself"


@pytest.mark.parametrize(
    ("reads", "rung"),
    [
        (PLAIN, "no_text"), ([], "no_text"), (WORDS, "words"), (MODEL, "encoder"),
        (["language_model", "words"], "language_model"), (["images", "encoder"], "images"),
    ],
)  # fmt: skip
def test_a_list_is_of_the_class_of_what_it_reads(reads, rung):
    assert rung_of(reads) == rung


def test_the_base_model_counts_to_what_a_list_reads():
    able = [contender("identity", PLAIN), contender("identity", MODEL, "sasrec_minilm")]
    lists = lists_of({"identity": hits(0.1), ("sasrec_minilm", "identity"): hits(0.4)})
    found = chosen(lists, able)
    assert found["primary"] == (("sasrec_minilm", "identity"), ("pop", "identity"))


@settings(max_examples=25, deadline=None)
@given(st.permutations([0.0, 0.2, 0.5]))
def test_ranks_on_test_never_choose(shares):
    test = dict(zip(VALID, map(hits, shares), strict=True))
    assert chosen(lists_of(VALID, test)) == chosen(lists_of(VALID))


def test_a_list_for_a_sample_of_the_users_is_never_chosen():
    lists = lists_of({**VALID, "fusion": hits(1.0, 20), "words": hits(1.0, USERS - 1)})
    assert chosen(lists) == {"words": (("pop", "identity"), ("pop", "identity"))}
    assert chosen(lists, CONTENDERS[2:]) == {}


def test_a_class_without_a_list_has_no_comparison():
    assert set(chosen(lists_of(VALID), CONTENDERS[:2])) == {"words", "chosen_no_text", "chosen_base_model"}
    assert chosen(lists_of({**VALID, "identity": hits(0.0, 0)}), CONTENDERS[:1]) == {}
    assert chosen({}) == {}


def test_the_choice_is_by_ndcg_at_n_over_all_seeds():
    one_good_seed = np.stack([hits(0.5), hits(0.0)], axis=1)
    steady = np.stack([hits(0.3)] * 2, axis=1)
    deep = np.stack([np.full(USERS, 11)] * 2, axis=1)
    able = [contender(name, MODEL) for name in ("deep", "lucky", "steady")] + [contender("identity", PLAIN)]
    lists = lists_of({"deep": deep, "lucky": one_good_seed, "steady": steady, "identity": 0 * deep}, seeds=("1", "2"))
    assert chosen(lists, able)["primary"][0] == ("pop", "steady")


CONFIG = {
    "run": {"base_models": ["nfm", "pop"], "rerankers": ["identity", "random", "r_no_text", "r_permuted", "r"]},
    "models": {"nfm": {"type": "nfm"}, "pop": {"type": "pop", "rung": "permuted"}},
    "encoders": {"e": {"type": "sentence_transformer", "model": "e"}},
    "tags": {}, "joined_fields": {},
    "rerankers": {
        "identity": {"type": "identity"}, "random": {"type": "random"},
        "r_no_text": {"type": "rrf", "signals": [], "rung": "no_text"},
        "r_permuted": {"type": "lambdamart", "signals": [], "rung": "permuted", "over": ["r_no_text"],
                       "control_of": "r"},
        "r": {"type": "lambdamart", "signals": [], "similarities": [{"encoder": "e", "field": "title"}],
              "rung": "encoder", "over": ["r_no_text", "r_permuted"]},
    },
}  # fmt: skip


def test_controls_and_what_can_only_be_the_base_list_are_never_contenders():
    found = contenders(CONFIG)
    assert {(one["base_model"], one["reranker"]) for one in found} == {("nfm", "identity"), ("nfm", "r")}
    assert found[1]["reads"] == ["encoder", "interactions", "metadata"]


def test_every_rung_is_compared_with_those_below_over_every_base_model():
    found = [(one["base_model"], one["rung"], one["against_rung"]) for one in comparisons(CONFIG)]
    pairs = [("permuted", "no_text"), ("encoder", "no_text"), ("encoder", "permuted")]
    assert found == [(base, *pair) for base in ("nfm", "pop") for pair in pairs]
    assert {one["against_base_model"] == one["base_model"] for one in comparisons(CONFIG)} == {True}


def test_a_base_model_with_item_vectors_is_compared_with_its_twins():
    item_input = {"encoder": "e", "field": "title", "as": "add"}
    models = {
        "m": {"type": "sasrec", "item_input": item_input, "twins": {"no_text": "ids", "words": "m_words"}},
        "m_words": {"type": "sasrec", "rung": "words"}, "ids": {"type": "sasrec"},
    }  # fmt: skip
    run = {"base_models": ["ids", "m_words", "m"], "rerankers": ["identity"]}
    given = {"encoders": {"e": {"type": "sentence_transformer"}}, "joined_fields": {}, "tags": {}}
    own, ids = {"place": "item_input", "reranker": "identity", "against": "identity"}, {"against_base_model": "ids"}
    assert comparisons({**CONFIG, **given, "run": run, "models": models}) == [
        {**own, "base_model": "m_words", "rung": "words", **ids, "against_rung": "no_text"},
        {**own, "base_model": "m", "rung": "encoder", "against_base_model": "m_words", "against_rung": "words"},
    ]


RUNGS = [comparison("words", "no_text"), comparison("encoder", "words")]


def made(rungs=RUNGS, able=(), cutoffs=(5, 10), **ranks):
    """Return the table of lists with ranks 0 to 15."""
    rng = np.random.default_rng(3)
    drawn = {name: rng.integers(0, 16, USERS) for name in ("no_text", "words", "encoder")}
    return ladder_table(lists_of(drawn | ranks), rungs, able, list(cutoffs), RESAMPLES)


def test_the_family_holds_every_rung_in_two_metrics_at_the_cut_off_nearest_to_ten():
    able = [contender("no_text", PLAIN), contender("words", WORDS), contender("encoder", MODEL)]
    table = made(able=able, cutoffs=(3, 8, 20))
    assert list(table.columns) == [*KEYS, *NUMBERS] and len(table) == 5 * 3 * 3
    family = table[table["in_family"]]
    assert len(family) == 2 * len(RUNGS) and set(family["family_size"]) == {2 * len(RUNGS)}
    assert set(family["n"]) == {8} and set(family["split"]) == {"test"} and set(family["place"]) == {"ranking"}
    assert set(family["metric"]) == {"ndcg", "hit_rate"}
    np.testing.assert_allclose(family["p_adjusted"], holm(family["p_value"]))
    outside = table[table["place"].isin(["primary", "words"])]
    assert not outside["in_family"].any() and outside["p_adjusted"].isna().all() and outside["p_value"].notna().all()


def test_a_rung_that_equals_the_one_below_has_p_of_one_and_stays_in_the_family():
    same = np.random.default_rng(1).integers(0, 16, USERS)
    table = made(words=same, encoder=same)
    rows = table[(table["rung"] == "encoder") & table["in_family"]]
    assert len(rows) == 2 and (rows["p_value"] == 1).all() and (rows["difference"] == 0).all()
    assert (rows["difference_low"] < 0).all() and not rows["structural_zero"].any()
    assert set(table.loc[table["in_family"], "family_size"]) == {4}, "what a gate left out counts"


def test_lists_over_different_base_models_are_compared():
    rung = {**comparison("identity", "identity", ("sasrec", "pop")), "place": "item_input"}
    lists = lists_of({("sasrec", "identity"): hits(0.4), ("pop", "identity"): hits(0.1)})
    table = ladder_table(lists, [rung], [], [10], RESAMPLES)
    row = table[(table["split"] == "test") & (table["metric"] == "hit_rate")].iloc[0]
    assert (row["base_model"], row["against_base_model"]) == ("sasrec", "pop")
    assert (row["value"], row["against_value"]) == pytest.approx((0.4, 0.1)) and row["p_value"] < 1e-6
    assert row["in_family"] and row["family_size"] == 2


def test_several_seeds_are_pooled_and_the_family_is_over_all_of_them():
    rng = np.random.default_rng(2)
    ranks = {name: rng.integers(0, 16, (USERS, 3)) for name in ("no_text", "words", "encoder")}
    table = ladder_table(lists_of(ranks, seeds=("1", "2", "10")), RUNGS, [], [10], RESAMPLES)
    assert table["seed"].unique().tolist() == ["1", "2", "10", "all"]
    assert set(table.loc[table["in_family"], "seed"]) == {"all"} and table["in_family"].sum() == 4
    keys = ["split", "rung", "metric"]
    means = table[table["seed"] != "all"].groupby(keys)["difference"].mean()
    pooled = table[table["seed"] == "all"].set_index(keys)["difference"]
    pd.testing.assert_series_equal(pooled.sort_index(), means.sort_index())


def test_only_seeds_that_both_lists_have_are_compared():
    lists = lists_of({name: np.ones((5, 2), int) for name in ("no_text", "words")}, seeds=("1", "2"))
    lists["test", "pop", "no_text"] = {"2": lists["test", "pop", "no_text"]["2"]}
    table = ladder_table(lists, RUNGS[:1], [], [10], RESAMPLES)
    assert set(table.loc[table["split"] == "test", "seed"]) == {"2"}


def test_a_run_without_rungs_has_an_empty_table():
    table = ladder_table(lists_of(VALID), [], [], [10], RESAMPLES)
    assert table.empty and to_csv(table).strip() == ",".join([*KEYS, *NUMBERS])
    absent = ladder_table(lists_of(VALID), RUNGS, [], [10], RESAMPLES)
    assert absent.empty, "lists that were not made are not compared"


def test_no_user_in_common_is_no_test():
    table = made(words=np.zeros(0, int))
    row = table[(table["rung"] == "words") & (table["split"] == "test")].iloc[0]
    assert row["users"] == 0 and np.isnan(row["p_value"]) and not row["in_family"]
    assert "nan" not in to_csv(table).lower()


RANKS = st.integers(0, 25)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(RANKS, RANKS), min_size=1, max_size=50).map(np.array))
def test_swapped_sides_negate(ranks):
    sides = [pd.Series(column) for column in ranks.T]
    there, back = (differences([own], [other], [5, 10], RESAMPLES) for own, other in (sides, sides[::-1]))
    for row, swapped in zip(there, back, strict=True):
        assert (row["metric"], row["n"]) == (swapped["metric"], swapped["n"])
        assert row["difference"] == pytest.approx(-swapped["difference"])
        assert row["value"] == pytest.approx(swapped["against_value"]) and row["gained"] == swapped["lost"]
        assert row["p_value"] == pytest.approx(swapped["p_value"])
        assert not row["structural_zero"] and not swapped["structural_zero"]


def test_the_order_of_users_does_not_matter():
    rng = np.random.default_rng(4)
    ranks = {name: rng.integers(0, 16, USERS) for name in ("no_text", "words", "encoder")}
    order = rng.permutation(USERS)
    tables = [ladder_table(lists_of(each), RUNGS, [], [10], RESAMPLES)
              for each in (ranks, {name: column[order] for name, column in ranks.items()})]  # fmt: skip
    assert to_csv(tables[0]) == to_csv(tables[1])
