"""The answer in one sentence, in every case."""

from dataclasses import replace

import pytest
from report_fixture import write_run

from reelrank.report.headline import choose, headline, valid_ndcg
from reelrank.report.inputs import read_run

TABLES = ("ranks", "hit_rate", "effects", "ladder")

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
        f"The best list without text is lambdamart_no_text over {base}: NDCG@10 .0943 on test. "
        f"With words it is lambdamart_words over {base}: +8.0% [4.0, 14.0] against that. "
        f"With an encoder or a language model it is lambdamart over {base}: +2.1% [0.5, 3.9] against "
        f"lambdamart_words over {base}, p = .012: a gain. "
        "Against the same fusion with permuted vectors: +1.0% [−0.5, 2.5], p = 1.000 (Holm)."
    )
    notes = " ".join(found["notes"])
    assert "smallest true change of NDCG@10" in notes and ".0123, 12.3% of the other list's" in notes
    assert "could have shown" not in notes, "it is shown with 80% power, not always"
    assert "before Holm" not in notes, "the primary comparison is not adjusted"
    assert "synthetic" in notes


@pytest.mark.parametrize(
    ("row", "verdict", "ending"),
    [
        (GAIN, "win", "a gain"),
        ({**GAIN, "p_value": 0.049}, "win", "a gain"),
        ({**GAIN, "relative_low": 0.01, "relative_high": 0.9}, "same", "no relevant difference"),
        ({**GAIN, "p_value": 0.051}, "open", "these data cannot tell"),
        ({**GAIN, "difference": -0.002}, "loss", "a loss"),
        ({"p_value": 0.6, "relative_low": -0.9, "relative_high": 1.0}, "same", "no relevant difference"),
        ({"p_value": 0.6, "relative_low": -1.1, "relative_high": 0.5}, "open", "these data cannot tell"),
        ({"p_value": 0.6, "relative_low": -0.5, "relative_high": float("nan")}, "open", "these data cannot tell"),
        ({"p_value": float("nan"), "relative_low": float("nan")}, "open", "these data cannot tell"),
    ],
)
def test_the_primary_comparison_decides_the_verdict(run, row, verdict, ending):
    found = headline(compared_as(run, **row))
    assert found["verdict"] == verdict and f": {ending}" in found["sentence"]
    assert "nan" not in found["sentence"].lower()


def test_a_simple_list_that_is_best_is_never_hidden(run):
    table = run.tables["ladder"].copy()
    rows = table["place"].isin(["primary", "words"])
    table.loc[rows, ["against_base_model", "against", "against_rung"]] = ["pop", "identity", "no_text"]
    words = table["place"] == "words"
    table.loc[words, ["base_model", "reranker", "rung"]] = ["pop", "identity", "no_text"]
    sentence = headline(replace(run, tables={**run.tables, "ladder": table}))["sentence"]
    assert sentence.startswith("The best list without text is pop: NDCG@10 ") and " against pop, p " in sentence
    assert "With words it is" not in sentence, "no list with words was better on valid"


def test_a_list_whose_base_reads_words_leaves_no_list_without_text(run):
    table = run.tables["ladder"]
    without = replace(run, tables={**run.tables, "ladder": table[table["place"] != "words"]})
    assert headline(without)["sentence"].startswith("The best list without models is lambdamart_words over")


def test_a_model_that_is_worse_than_the_base_list_is_a_loss(tmp_path):
    found = headline(run_of(tmp_path, factors={"random": None, "all-MiniLM-L6-v2": 1.4}))
    assert (
        found["verdict"] == "loss"
        and "With an encoder or a language model it is all-MiniLM-L6-v2 over" in found["sentence"]
    )
    assert "permuted" not in found["sentence"]


WIN = {
    "relative_percent": 17.94, "relative_low": 12.0, "relative_high": 24.04, "difference": 0.03, "p_adjusted": 0.0002,
    "smallest_effect": 0.0123, "against_value": 0.1,
}  # fmt: skip


def test_without_models_a_win_names_its_size_and_its_p(plain):
    chosen = choose(plain)
    assert chosen.reranker == "lambdamart_no_text" and chosen.beats_base_on_valid
    found = headline(changed(plain, chosen.base_model, "lambdamart_no_text", **WIN))
    assert found["verdict"] == "win"
    assert found["sentence"].startswith(f"The best list without text is lambdamart_no_text over {chosen.base_model}: ")
    assert found["sentence"].endswith(
        f" lambdamart_no_text over {chosen.base_model}: +17.9% Hits@10 [12.0, 24.0], p < .001 (Holm)."
    )
    assert any("smallest true change of HR@10" in note and ".0123, 12.3% of" in note for note in found["notes"])


def test_without_models_a_better_base_list_comes_first(tmp_path):
    run = run_of(tmp_path, factors={"random": None, "lambdamart_no_text": 1.3})
    found = headline(run)
    best = max(run.config["run"]["base_models"], key=lambda base: valid_ndcg(run)[base, "identity"])
    assert found["verdict"] == "none" and found["sentence"].startswith(
        f"The best list without text is {best}: NDCG@10 "
    )


def test_a_single_re_ranker_is_told_beside_a_fusion(run):
    alone = changed(without_choices(run), choose(run).base_model, "gpt-4o-mini", relative_percent=-3.0)
    assert headline(alone)["sentence"].endswith("; gpt-4o-mini alone: −3.0%.")


def test_a_change_that_chance_explains_is_no_win(plain):
    told = headline(changed(plain, choose(plain).base_model, "lambdamart_no_text", **{**WIN, "p_adjusted": 0.21}))
    assert told["verdict"] == "open" and "p = .210 (Holm)." in told["sentence"]
    assert told["sentence"].endswith("After adjustment it is not significantly different from its base list.")


def test_a_winner_on_valid_that_loses_on_test_is_a_loss(plain):
    loss = {**WIN, "difference": -0.03, "relative_percent": -17.9, "relative_low": -24.0, "relative_high": -12.0}
    told = headline(changed(plain, choose(plain).base_model, "lambdamart_no_text", **loss))
    assert told["verdict"] == "loss"
    assert "No re-ranker beats its base list. The best on valid, lambdamart_no_text over" in told["sentence"]
    assert "loses on test: −17.9% Hits@10 [−24.0, −12.0]" in told["sentence"]


def test_nothing_wins_where_all_re_rankers_are_worse_on_valid(tmp_path):
    told = headline(run_of(tmp_path, factors={"random": None, "lambdamart_no_text": 1.4}))
    assert told["verdict"] == "none"
    assert "No re-ranker beats its base list on valid. The nearest, lambdamart_no_text over" in told["sentence"]


def test_nothing_wins_where_nothing_was_re_ranked(tmp_path):
    told = headline(run_of(tmp_path, factors={"random": None}))
    assert told["verdict"] == "none" and told["choice"] is None
    assert "on test. No re-ranker that could change a list was run" in told["sentence"], "the best base list is told"


def test_without_valid_lists_or_users_nothing_is_chosen_and_the_reason_is_told(run):
    run = without_choices(run)
    table = run.tables["hit_rate"].copy()
    table.loc[table["split"] == "valid", ["users", "ndcg"]] = 0, float("nan")
    told = headline(replace(run, tables={**run.tables, "hit_rate": table}))
    assert told["choice"] is None and "no valid lists to choose on" in told["sentence"]
    table = run.tables["hit_rate"].copy()
    table.loc[table["reranker"] != "identity", "users"] = 10
    told = headline(replace(run, tables={**run.tables, "hit_rate": table}))
    assert told["choice"] is None and "none was asked of all users" in told["sentence"]


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
    assert "NDCG@10" in told["sentence"] and "Hits@10" not in told["sentence"]


def test_a_list_that_can_only_be_the_base_list_is_never_chosen(tmp_path):
    run = run_of(tmp_path, factors={"random": None, "lambdamart_no_text": 1.0})
    assert choose(run).reranker == "lambdamart_no_text"
    table = run.tables["effects"].copy()
    table.loc[table["reranker"] == "lambdamart_no_text", "structural_zero"] = True
    told = headline(replace(run, tables={**run.tables, "effects": table}))
    assert told["choice"] is None and "could change a list" in told["sentence"]
