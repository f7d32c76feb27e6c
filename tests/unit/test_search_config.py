"""Ranges of the search: checked against the schema of each type, and given to twins."""

import pytest
from configs import REPOSITORY, completed, refused

from reelrank.config.schema import Problems
from reelrank.config.search import complete_search, ranges_of
from reelrank.plan.plan import Plan

EASE = {"regularization": {"low": 1, "high": 100, "log": True}, "history_decay": [0.5, 1]}


def over(models=None, rerankers=None, **search):
    """Return an overlay with ranges."""
    return {"search": {"models": models or {}, "rerankers": rerankers or {}, **search}}


def test_the_ends_of_a_number_are_floats_and_those_of_an_integer_stay():
    ranges = completed(over({"ease": EASE, "nfm": {"epochs": {"low": 2, "high": 4}}}))["search"]["models"]
    assert ranges["ease"] == {
        "regularization": {"low": 1.0, "high": 100.0, "log": True},
        "history_decay": [0.5, 1.0],
    }
    assert all(isinstance(value, float) for value in ranges["ease"]["history_decay"])
    assert ranges["nfm"]["epochs"] == {"low": 2, "high": 4, "log": False} and isinstance(
        ranges["nfm"]["epochs"]["low"], int
    )


def test_texts_of_the_command_line_are_numbers():
    ranges = completed(over({"ease": {"regularization": {"low": "1e-4", "high": "2"}, "history_decay": ["0.5", "1"]}}))
    assert ranges["search"]["models"]["ease"] == {
        "regularization": {"low": 1e-4, "high": 2.0, "log": True},
        "history_decay": [0.5, 1.0],
    }


@pytest.mark.parametrize(
    ("ranges", "fragments"),
    [
        ({"ease": {"regularisation": [1, 2]}}, ["search.models.ease.regularisation", "did you mean regularization"]),
        ({"eese": EASE}, ["search.models.eese", "did you mean ease"]),
        ({"ease": {"history_decay": {"low": 0, "high": 1}}}, ["search.models.ease.history_decay.low", "0"]),
        ({"ease": {"history_decay": [0.5, 2]}}, ["search.models.ease.history_decay", "2 is greater"]),
        ({"ease": {"history_decay": {"low": 0.9, "high": 0.8}}}, ["ease.history_decay", "low below high"]),
        ({"ease": {"history_decay": [0.5]}}, ["search.models.ease.history_decay", "two or more"]),
        ({"nfm": {"weight_decay": {"low": 0.5}}}, ["search.models.nfm.weight_decay", "'high'"]),
        ({"nfm": {"dropout": {"low": 0, "high": 0.5, "log": True}}}, ["nfm.dropout.low", "more than 0"]),
        ({"nfm": {"epochs": {"low": 1.5, "high": 3}}}, ["search.models.nfm.epochs.low", "1.5"]),
        ({"item_knn": {"weighting": {"low": 1, "high": 2}}}, ["item_knn.weighting", "list of choices"]),
        ({"item_knn": {"weighting": ["cosine", "bm25"]}}, ["item_knn.weighting", "'bm25'"]),
        ({"dssm_video": {"encoder": ["clip", "e5"]}}, ["dssm_video.encoder", "decides what is read"]),
        ({"sasrec": {"embedding_size": [63, 64]}}, ["embedding_size 63 with heads 2"]),
        ({"sasrec": {"heads": {"low": 1, "high": 4}}}, ["search.models.sasrec", "expected lists"]),
    ],
)
def test_a_wrong_range_is_named(ranges, fragments):
    refused(over(ranges), *fragments)


def test_all_mistakes_are_named_at_once():
    wrong = over({"ease": {"regularization": [0, 1]}, "x": EASE}, {"random": {"seed": [1, 2]}}, over="nmf", trials=0)
    refused(wrong, "ease.regularization", "search.models.x", "random", "a fusion", "search.over", "search.trials")


def test_what_decides_the_inputs_of_a_fusion_is_no_setting():
    refused(over(rerankers={"lambdamart": {"depth": [50, 100]}}), "lambdamart.depth", "decides what is read")
    refused(over(rerankers={"lambdamart": {"signals": [["a"], ["b"]]}}), "lambdamart.signals", "decides what is read")


def test_lists_of_files_are_not_searched():
    external = {"type": "external", "test": "a.csv"}
    refused({"models": {"theirs": external}, **over({"theirs": {"valid": ["a.csv", "b.csv"]}})}, "theirs", "from files")
    union = {"type": "union", "of": ["pop", "ease"]}
    refused(
        {"models": {"both": union}, **over({"both": {"quotas": [1, 2]}})}, "'both' come from other base models",
        "expected a model that is trained here",
    )  # fmt: skip


def test_only_names_of_the_run_are_searched_and_twins_with_them():
    run = {"base_models": ["pop", "ease"], "rerankers": ["identity", "all-MiniLM-L6-v2", "lambdamart"]}
    config = completed({"run": run, **over({"ease": EASE}, {"lambdamart": {"rounds": [9, 99]}})})
    assert list(ranges_of(config, "models"))[:1] == ["ease"] and "nfm" not in ranges_of(config, "models")
    fusions = ranges_of(config, "rerankers")
    assert set(fusions) >= {"lambdamart"} and len(fusions) > 1, "the fusions that are built from it"
    assert all(ranges == fusions["lambdamart"] and ranges["rounds"] == [9, 99] for ranges in fusions.values())


@pytest.mark.parametrize("key", ["twin_of", "rung_of"])
def test_a_block_that_is_built_from_another_has_its_ranges_and_none_of_its_own(key):
    config = completed(over({"ease": EASE}))
    config["models"]["ease_ids"] = {**config["models"]["ease"], key: "ease"}
    config["run"]["base_models"] = ["ease", "ease_ids"]
    found = ranges_of(config, "models")
    assert found["ease_ids"] == found["ease"]
    config["search"]["models"]["ease_ids"] = EASE
    problems = Problems()
    complete_search(config, problems)
    assert "gets its ranges" in problems.texts[0]


def test_fusions_are_searched_over_a_model_of_the_run():
    run = {"base_models": ["pop", "ease"], "rerankers": ["identity", "all-MiniLM-L6-v2", "lambdamart"]}
    ranges = {"lambdamart": {"rounds": [9, 99]}}
    plan = Plan(completed({"run": run, **over(rerankers=ranges, over="ease")}), REPOSITORY).search
    assert "lambdamart" in plan.fusions and plan.not_searched == []
    assert plan.lists(Wildcards)["valid"].endswith("lists/ease/seed1/identity/valid.parquet")
    assert not [path for path in plan.lists(Wildcards)["signals"] if "test" in path.split("/")[-1]]
    plan = Plan(completed({"run": run, **over(rerankers=ranges, over="nfm")}), REPOSITORY).search
    assert plan.fusions == {} and "lambdamart" in plan.not_searched


class Wildcards:
    """The wildcards of a job."""

    dataset, protocol, reranker = "sample", "leave_one_out", "lambdamart"


def test_the_command_names_no_twin():
    run = {"base_models": ["ease"], "rerankers": ["identity", "all-MiniLM-L6-v2", "lambdamart"]}
    config = completed({"run": run, **over({"ease": EASE}, {"lambdamart": {"rounds": [9, 99]}}, over="ease")})
    command = Plan(config, REPOSITORY).search.command(["a.yaml"])
    assert "--configfile a.yaml" in command and command.endswith(" -- search")
    assert '["identity", "all-MiniLM-L6-v2", "lambdamart"]' in command and "lambdamart_" not in command
