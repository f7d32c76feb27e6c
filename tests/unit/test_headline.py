"""The answer in a few sentences, in every case."""

from dataclasses import replace

import numpy as np
import pytest
from report_fixture import write_run

from reelrank.report.headline import choose, effect, headline, valid_ndcg
from reelrank.report.inputs import read_run

TABLES = ("ranks", "hit_rate", "effects", "ladder", "features", "cost")

#: A run that reads no text: it has no primary comparison, and its best list is judged against its base list.
NO_MODELS = {"random": None, "lambdamart_no_text": 0.5}


def run_of(folder, **options):
    """Return a made-up run, as the report reads it."""
    inputs, _, settings = write_run(folder, **options)
    return read_run({name: inputs[name] for name in TABLES}, settings)


def changed(run, base, reranker, **values):
    """Return the run with other effects of one list on test at n = 10 in hits."""
    table = run.tables["effects"].copy()
    rows = (table["base_model"] == base) & (table["reranker"] == reranker)
    return _with(run, "effects", table, rows & (table["metric"] == "hit_rate"), values)


def compared_as(run, place="primary", **values):
    """Return the run with another result of a comparison of the ladder: a place, or the rung that it is against."""
    table = run.tables["ladder"].copy()
    rows = table["place"] == place
    if not rows.any():
        best = table[table["place"] == "primary"].iloc[0]
        rows = (table["against_rung"] == place) & (table["base_model"] == best["base_model"])
        rows &= table["reranker"] == best["reranker"]
    return _with(run, "ladder", table, rows & (table["metric"] == "ndcg"), values)


def without_choices(run):
    """Return the run without the primary comparison and that of words, as if there were no valid lists."""
    table = run.tables["ladder"]
    return replace(run, tables={**run.tables, "ladder": table[~table["place"].isin(["primary", "words"])]})


def _with(run, name, table, rows, values):
    rows &= (table["split"] == "test") & (table["n"] == 10) & (table["seed"] == run.pooled)
    assert rows.sum() == 1
    for column, value in values.items():
        table.loc[rows, column] = value
    return replace(run, tables={**run.tables, name: table})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run in which lambdamart wins, with an encoder and a language model."""
    return run_of(tmp_path_factory.mktemp("headline"))


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """Return a run without texts and models, in which lambdamart_no_text wins."""
    return run_of(tmp_path_factory.mktemp("plain"), factors=NO_MODELS)


GAIN = {"relative_percent": 2.1, "relative_low": 0.5, "relative_high": 3.9, "difference": 0.002, "p_value": 0.012}


def test_the_best_list_without_text_comes_first_and_then_what_words_and_models_add(run):
    told = compared_as(run, against_value=0.1, smallest_effect=0.0123, **GAIN)
    told = compared_as(told, "words", against_value=0.0943, relative_percent=8.0, relative_low=4.0, relative_high=14.0,
                       p_value=0.0001)  # fmt: skip
    told = compared_as(told, "words_permuted", relative_percent=1.0, relative_low=-0.5, relative_high=2.5, p_adjusted=1)
    found = headline(told)
    base = choose(run).base_model
    assert found["verdict"] == "win" and found["choice"].reranker == "lambdamart"
    assert found["sentence"] == (
        f"Of 400 users, 79 found their item among the first 10 of the list of {base}, and 108 after lambdamart "
        "re-ranked it: +36.7% [22.1, 56.6], p < .001 (Holm). "
        f"The best list without text is lambdamart_no_text over {base}: NDCG@10 .0943 on test. "
        f"With words of the texts it is lambdamart_words over {base}: +8.0% [4.0, 14.0], p < .001. "
        f"With an encoder or a language model the best list is lambdamart over {base} "
        "(it may read all-MiniLM-L6-v2, an encoder of 22.7M parameters): +2.1% [0.5, 3.9] NDCG@10 "
        f"against lambdamart_words over {base}, p = .012. The model helps. "
        "Against the same fusion with permuted vectors: +1.0% [−0.5, 2.5], p = 1.000 (Holm). "
        "gpt-4o-mini: $0.10 per 1,000 lists; a list took 812 ms (median) or 2,410 ms (95th percentile)."
    )
    notes = " ".join(found["notes"])
    assert "smallest true change of NDCG@10" in notes and ".0123, 12.3% of the other list's" in notes
    assert "could have shown" not in notes, "it is shown with 80% power, not always"
    assert "before Holm" not in notes, "the primary comparison is not adjusted"
    assert "synthetic" in notes


@pytest.mark.parametrize(
    ("row", "verdict", "ending"),
    [
        (GAIN, "win", "The model helps."),
        ({**GAIN, "p_value": 0.049}, "win", "The model helps."),
        (
            {**GAIN, "relative_low": 0.01, "relative_high": 0.9},
            "same",
            "The model does not matter: the interval lies within 1% of 0.",
        ),
        ({**GAIN, "p_value": 0.051}, "open", "These data cannot tell whether the model helps."),
        ({**GAIN, "difference": -0.002}, "loss", "The model makes the list worse."),
        (
            {"p_value": 0.6, "relative_low": -0.9, "relative_high": 1.0},
            "same",
            "The model does not matter: the interval lies within 1% of 0.",
        ),
        (
            {"p_value": 0.6, "relative_low": -1.1, "relative_high": 0.5},
            "open",
            "These data cannot tell whether the model helps.",
        ),
        (
            {"p_value": 0.6, "relative_low": -0.5, "relative_high": float("nan")},
            "open",
            "These data cannot tell whether the model helps.",
        ),
        (
            {"p_value": float("nan"), "relative_low": float("nan")},
            "open",
            "These data cannot tell whether the model helps.",
        ),
    ],
)
def test_the_primary_comparison_decides_the_verdict(run, row, verdict, ending):
    found = headline(compared_as(run, **row))
    assert found["verdict"] == verdict and f". {ending}" in found["sentence"]
    assert "nan" not in found["sentence"].lower()


def test_a_simple_list_that_is_best_is_never_hidden(run):
    table = run.tables["ladder"].copy()
    rows = table["place"].isin(["primary", "words"])
    table.loc[rows, ["against_base_model", "against", "against_rung"]] = ["pop", "identity", "no_text"]
    words = table["place"] == "words"
    table.loc[words, ["base_model", "reranker", "rung"]] = ["pop", "identity", "no_text"]
    sentence = headline(replace(run, tables={**run.tables, "ladder": table}))["sentence"]
    assert ". The best list without text is pop: NDCG@10 " in sentence and " against pop, p " in sentence
    assert "With words of the texts it is" not in sentence, "no list with words was better on valid"


def test_a_list_whose_base_reads_words_leaves_no_list_without_text(run):
    table = run.tables["ladder"]
    without = replace(run, tables={**run.tables, "ladder": table[table["place"] != "words"]})
    told = headline(without)["sentence"]
    assert "without text" not in told and " against lambdamart_words over " in told


@pytest.mark.parametrize(
    ("place", "what", "values", "relation"),
    [
        ("chosen_no_text", "without text", {"difference": 0.01, "p_value": 0.2}, "is not significantly worse than"),
        ("chosen_no_text", "without text", {"difference": -0.01, "p_value": 0.001}, "is better than"),
        (
            "chosen_base_model",
            "a base model alone",
            {"difference": 0.0, "p_value": 1.0},
            "is not significantly worse than",
        ),
    ],
)
def test_a_simpler_list_that_does_as_well_comes_first(run, place, what, values, relation):
    table = run.tables["ladder"].copy()
    rows = (table["place"] == place) & (table["metric"] == "hit_rate")
    told = headline(_with(run, "ladder", table, rows, {"value": 0.25, "against_value": 0.2475, **values}))
    assert (
        told["sentences"][0].startswith("A simpler list, ")
        and f" ({what}), {relation} lambdamart over " in told["sentence"]
    )
    assert "which was chosen on valid: 99 users against 100 (p " in told["sentences"][0]
    assert headline(run)["sentences"][0].startswith("Of 400 users, ")


def test_a_plan_that_changed_after_lists_were_scored_is_told_first(run):
    told = headline(replace(run, plan={"digest": "new"}))
    lists = sum(split == "test" for split, *_ in run.ranks)
    assert told["sentences"][0].startswith(
        f"The plan of the primary test was changed after {lists} of {lists} test lists were scored: "
    )
    assert not any("plan" in sentence for sentence in headline(run)["sentences"])
    scored = {key: (frame, {**about, "test_plan": "new"}) for key, (frame, about) in run.ranks.items()}
    same = replace(run, plan={"digest": "new"}, ranks=scored)
    assert headline(same)["sentences"] == headline(run)["sentences"]


def test_an_a_b_test_needs_the_users_that_the_two_proportions_say(run):
    note = next(note for note in headline(run)["notes"] if note.startswith("An A/B test would need about "))
    row = effect(run, choose(run).base_model, "lambdamart")
    n = int(note.split()[6].replace(",", ""))
    rng = np.random.default_rng(1)
    arms = [rng.binomial(n, row[key], 4000) / n for key in ("value", "against_value")]
    error = np.sqrt(sum(arm * (1 - arm) for arm in arms) / n)
    assert (np.abs(arms[0] - arms[1]) > 1.96 * error).mean() == pytest.approx(0.8, abs=0.03)


def test_cannot_tell_comes_with_the_users_that_could(run):
    open_row = {
        "p_value": 0.2,
        "relative_low": -2.0,
        "relative_high": 3.0,
        "difference": 0.002,
        "smallest_effect": 0.01,
    }
    assert (
        "A difference of this size would need about 10,000 users." in headline(compared_as(run, **open_row))["sentence"]
    )


def test_a_model_that_is_worse_than_the_base_list_is_a_loss(tmp_path):
    found = headline(run_of(tmp_path, factors={"random": None, "all-MiniLM-L6-v2": 1.4}))
    assert (
        found["verdict"] == "loss"
        and "With an encoder or a language model the best list is all-MiniLM-L6-v2 over" in found["sentence"]
    )
    assert "permuted" not in found["sentence"] and found["sentence"].startswith("A simpler list, ")


WIN = {
    "relative_percent": 17.94, "relative_low": 12.0, "relative_high": 24.04, "difference": 0.03, "p_adjusted": 0.0002,
    "smallest_effect": 0.0123, "against_value": 0.1,
}  # fmt: skip


def test_without_models_a_win_names_its_size_and_its_p(plain):
    chosen = choose(plain)
    assert chosen.reranker == "lambdamart_no_text" and chosen.beats_base_on_valid
    found = headline(changed(plain, chosen.base_model, "lambdamart_no_text", **WIN))
    assert found["verdict"] == "win"
    assert f"The best list without text is lambdamart_no_text over {chosen.base_model}: " in found["sentence"]
    assert found["sentences"][0].endswith(
        "after lambdamart_no_text re-ranked it: +17.9% [12.0, 24.0], p < .001 (Holm)."
    )
    assert found["sentence"].endswith(f" lambdamart_no_text over {chosen.base_model} helps.")
    assert any("smallest true change of HR@10" in note and ".0123, 12.3% of" in note for note in found["notes"])


def test_without_models_a_better_base_list_comes_first(tmp_path):
    run = run_of(tmp_path, factors={"random": None, "lambdamart_no_text": 1.3})
    found = headline(run)
    best = max(run.config["run"]["base_models"], key=lambda base: valid_ndcg(run)[base, "identity"])
    assert found["verdict"] == "none" and f"The best list without text is {best}: NDCG@10 " in found["sentence"]
    assert found["sentence"].startswith("A simpler list, ")


def test_a_change_that_chance_explains_is_no_win(plain):
    told = headline(changed(plain, choose(plain).base_model, "lambdamart_no_text", **{**WIN, "p_adjusted": 0.21}))
    assert told["verdict"] == "open" and "p = .210 (Holm)." in told["sentence"]
    assert told["sentence"].endswith(
        f"These data cannot tell whether lambdamart_no_text over {choose(plain).base_model} helps."
    )


def test_a_winner_on_valid_that_loses_on_test_is_a_loss(plain):
    loss = {**WIN, "difference": -0.03, "relative_percent": -17.9, "relative_low": -24.0, "relative_high": -12.0}
    told = headline(changed(plain, choose(plain).base_model, "lambdamart_no_text", **loss))
    assert told["verdict"] == "loss"
    assert "was the best on valid, and makes the list worse on test." in told["sentence"]
    assert "after lambdamart_no_text re-ranked it: −17.9% [−24.0, −12.0]" in told["sentence"]


def test_nothing_wins_where_all_re_rankers_are_worse_on_valid(tmp_path):
    told = headline(run_of(tmp_path, factors={"random": None, "lambdamart_no_text": 1.4}))
    assert told["verdict"] == "none"
    assert "No re-ranker beats its base list on valid; lambdamart_no_text over" in told["sentence"]


def test_nothing_wins_where_nothing_was_re_ranked(tmp_path):
    told = headline(run_of(tmp_path, factors={"random": None}))
    assert told["verdict"] == "none" and told["choice"] is None
    assert "on test. No re-ranker that could change a list was run" in told["sentence"], "the best base list is told"


def test_without_valid_lists_or_users_nothing_is_chosen_and_the_reason_is_told(run):
    run = without_choices(run)
    table = run.tables["hit_rate"].copy()
    table.loc[table["split"] == "valid", ["users", "ndcg"]] = 0, float("nan")
    told = headline(replace(run, tables={**run.tables, "hit_rate": table}))
    assert told["choice"] is None and "There are no valid lists, so none is chosen" in told["sentence"]
    assert told["sentences"][0].startswith(
        "On 400 users, all-MiniLM-L6-v2 over pop has the right item among the first "
    )
    assert any(" more lists." in sentence for sentence in told["sentences"])
    table = run.tables["hit_rate"].copy()
    table.loc[table["reranker"] != "identity", "users"] = 10
    told = headline(replace(run, tables={**run.tables, "hit_rate": table}))
    assert told["choice"] is None and "No re-ranker was asked of all users on valid" in told["sentence"]


def test_one_re_ranker_without_valid_lists_gets_a_verdict_with_what_it_cannot_tell(run):
    run = without_choices(run)
    hits, effects = run.tables["hit_rate"].copy(), run.tables["effects"].copy()
    hits.loc[hits["split"] == "valid", ["users", "ndcg"]] = 0, float("nan")
    few = {"base_model": ["pop"], "reranker": ["identity", "gpt-4o-mini"]}
    hits, effects = (table[table.isin(few)[list(few)].all(axis=1)] for table in (hits, effects))
    one = replace(run, tables={**run.tables, "hit_rate": hits, "effects": effects})
    row = {"value": 0.144, "against_value": 0.152, "users": 500, "relative_percent": -5.3, "relative_low": -22.0}
    row |= {"relative_high": 15.0, "p_adjusted": 0.62, "smallest_effect": 0.041, "difference": -0.008}
    told = headline(changed(one, "pop", "gpt-4o-mini", **row))
    assert told["verdict"] == "open" and told["sentences"][0] == (
        "On 500 users, gpt-4o-mini over pop has the right item among the first 10 for 72 instead of 76: "
        "−5.3% [−22.0, 15.0], p = .620 (Holm). That cannot be told from no change; with this many users the smallest "
        "change that would be seen is 27%."
    )
    helps = headline(changed(one, "pop", "gpt-4o-mini", **{**row, "p_adjusted": 0.01, "difference": 0.05}))
    assert helps["verdict"] == "win" and "cannot be told" not in helps["sentence"]


def test_without_a_hit_nothing_wins_and_nothing_is_divided(tmp_path):
    told = headline(run_of(tmp_path, hit_share=0.0))
    assert told["verdict"] == "open" and "nan" not in told["sentence"].lower()
    told = headline(run_of(tmp_path / "plain", hit_share=0.0, factors=NO_MODELS))
    assert told["verdict"] == "none" and "nan" not in told["sentence"].lower()


def test_several_seeds_are_pooled_and_named(tmp_path):
    run = run_of(tmp_path, seeds=(1, 2, 5), bases=("nfm",))
    told = headline(run)
    assert run.pooled == "all" and told["verdict"] == "win"
    assert any("Training seeds 1, 2 and 5, pooled" in note for note in told["notes"])


def test_a_list_made_for_a_sample_of_the_users_is_never_chosen(run):
    table = run.tables["hit_rate"].copy()
    table.loc[table["reranker"] == "lambdamart", "users"] = 100
    sampled = replace(run, tables={**run.tables, "hit_rate": table})
    assert choose(sampled).reranker != "lambdamart"


def test_the_choice_looks_at_valid_alone(run):
    table = run.tables["hit_rate"].copy()
    table.loc[table["split"] == "test", "ndcg"] = 0.0
    table.loc[(table["split"] == "test") & (table["reranker"] == "zscore"), "ndcg"] = 1.0
    assert choose(replace(run, tables={**run.tables, "hit_rate": table})) == choose(run)


def test_a_benchmark_that_models_have_read_is_warned_of(run):
    blocks = {"made-up": {**run.dataset, "seen_in_training": True, "synthetic": False}}
    notes = headline(replace(run, config={**run.config, "datasets": blocks}))["notes"]
    assert any("may have read Made-up <data> in their training" in note for note in notes)
    assert not any("synthetic" in note for note in notes)


def test_a_re_ranker_as_deep_as_n_is_judged_by_ndcg(run):
    told = headline(changed(without_choices(run), choose(run).base_model, "lambdamart", structural_zero=True))
    assert told["sentence"].split(". ")[0].endswith("after lambdamart re-ranked it"), "a change of hits is not possible"
    assert told["verdict"] == "win", "NDCG decides"


def test_a_list_that_can_only_be_the_base_list_is_never_chosen(tmp_path):
    run = run_of(tmp_path, factors={"random": None, "lambdamart_no_text": 1.0})
    assert choose(run).reranker == "lambdamart_no_text"
    table = run.tables["effects"].copy()
    table.loc[table["reranker"] == "lambdamart_no_text", "structural_zero"] = True
    told = headline(replace(run, tables={**run.tables, "effects": table}))
    assert told["choice"] is None and "could change a list" in told["sentence"]
