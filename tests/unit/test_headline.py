"""The answer in one sentence, in every case."""

from dataclasses import replace

import pytest
from report_fixture import write_run

from reelrank.report.headline import choose, headline
from reelrank.report.inputs import read_run

TABLES = ("ranks", "hit_rate", "effects")


def run_of(folder, **options):
    """Return a made-up run, as the report reads it."""
    inputs, _, settings = write_run(folder, **options)
    return read_run({name: inputs[name] for name in TABLES}, settings)


def changed(run, base, reranker, against="identity", **values):
    """Return the run with other effects of one list on test at n = 10 in hits."""
    table = run.tables["effects"].copy()
    rows = (table["base_model"] == base) & (table["reranker"] == reranker) & (table["against"] == against)
    rows &= (table["split"] == "test") & (table["metric"] == "hit_rate") & (table["n"] == 10)
    assert rows.sum() == 1
    for name, value in values.items():
        table.loc[rows, name] = value
    return replace(run, tables={**run.tables, "effects": table})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run in which lambdamart wins."""
    return run_of(tmp_path_factory.mktemp("headline"))


WIN = {
    "relative_percent": 17.94, "relative_low": 12.0, "relative_high": 24.04, "difference": 0.03, "p_adjusted": 0.0002,
    "smallest_effect": 0.0123, "against_value": 0.1,
}  # fmt: skip


def test_a_win_names_its_size_its_p_and_the_language_models_share(run):
    chosen = choose(run)
    assert chosen.reranker == "lambdamart" and chosen.beats_base_on_valid
    told = changed(run, chosen.base_model, "lambdamart", **WIN)
    told = changed(
        told, chosen.base_model, "lambdamart", "lambdamart_without_lm",
        relative_percent=2.1, relative_low=0.5, relative_high=3.9, difference_low=0.001, difference_high=0.01,
    )  # fmt: skip
    told = changed(told, chosen.base_model, "gpt-4o-mini", relative_percent=-3.0)
    found = headline(told)
    assert found["verdict"] == "win"
    assert found["sentence"] == (
        f"lambdamart over {chosen.base_model}: +17.9% Hits@10 [12.0, 24.0], p < .001 (Holm), "
        "of which language and image models +2.1% [0.5, 3.9] over its twin; gpt-4o-mini alone: −3.0%."
    )
    assert any("smallest true change of HR@10" in note and ".0123, 12.3% of" in note for note in found["notes"])
    assert not any("could have shown" in note for note in found["notes"]), "it is shown with 80% power, not always"
    assert any("synthetic" in note for note in found["notes"])


def test_an_increment_whose_interval_holds_zero_may_be_none(run):
    told = changed(
        run, choose(run).base_model, "lambdamart", "lambdamart_without_lm", difference_low=-0.001, difference_high=0.01
    )
    assert ", which may be none; gpt-4o-mini alone" in headline(told)["sentence"]


def test_a_change_that_chance_explains_is_no_win(run):
    told = headline(changed(run, choose(run).base_model, "lambdamart", **{**WIN, "p_adjusted": 0.21}))
    assert told["verdict"] == "open" and "p = .210 (Holm), of which" in told["sentence"]
    assert told["sentence"].endswith("After adjustment it is not significantly different from its base list.")


def test_a_winner_on_valid_that_loses_on_test_is_a_loss(run):
    loss = {**WIN, "difference": -0.03, "relative_percent": -17.9, "relative_low": -24.0, "relative_high": -12.0}
    told = headline(changed(run, choose(run).base_model, "lambdamart", **loss))
    assert told["verdict"] == "loss"
    assert told["sentence"].startswith("No re-ranker beats its base list. The best on valid, lambdamart over")
    assert "loses on test: −17.9% Hits@10 [−24.0, −12.0]" in told["sentence"]


def test_nothing_wins_where_all_re_rankers_are_worse_on_valid(tmp_path):
    told = headline(run_of(tmp_path, factors={"random": None, "all-MiniLM-L6-v2": 1.4}))
    assert told["verdict"] == "none"
    assert told["sentence"].startswith("No re-ranker beats its base list on valid. The nearest, all-MiniLM-L6-v2 over")


def test_nothing_wins_where_nothing_was_re_ranked(tmp_path):
    told = headline(run_of(tmp_path, factors={"random": None}))
    assert told["verdict"] == "none" and told["choice"] is None
    assert told["sentence"].startswith("No re-ranker that could change a list was run")


def test_without_valid_lists_or_users_nothing_is_chosen_and_the_reason_is_told(run):
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
    assert told["verdict"] == "none" and "nan" not in told["sentence"].lower()


def test_several_seeds_are_pooled_and_named(tmp_path):
    run = run_of(tmp_path, seeds=(1, 2, 5))
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


def test_what_the_data_lack_stands_beside_the_result(run):
    blocks = {"made-up": {**run.dataset, "note": "The titles are <translated>."}}
    counts = {"items": 40, "items_without_title_row": 20, "items_with_empty_title": 1, "has_timestamps": False}
    protocols = {"leave_one_out": {"training_share": 0.25, "seed": 1}}
    config = {**run.config, "datasets": blocks, "protocols": protocols}
    told = headline(replace(run, config=config, statistics=run.statistics | counts))["notes"]
    expected = [
        "The titles are <translated>.",
        "Only the interactions of 25.0% of the users are for training.",
        "The interactions have no times: the protocol temporal and the age of items are off.",
        "Only 19 of 40 items have the field title.",
    ]
    assert told[-4:] == expected and not set(expected) & set(headline(run)["notes"])


def test_a_re_ranker_as_deep_as_n_is_judged_by_ndcg(run):
    told = headline(changed(run, choose(run).base_model, "lambdamart", structural_zero=True))
    assert "NDCG@10" in told["sentence"] and "Hits@10" not in told["sentence"]


def test_a_list_that_can_only_be_the_base_list_is_never_chosen(tmp_path):
    run = run_of(tmp_path, factors={"random": None, "zscore": 1.0})
    assert choose(run).reranker == "zscore"
    table = run.tables["effects"].copy()
    table.loc[table["reranker"] == "zscore", "structural_zero"] = True
    told = headline(replace(run, tables={**run.tables, "effects": table}))
    assert told["choice"] is None and "could change a list" in told["sentence"]
