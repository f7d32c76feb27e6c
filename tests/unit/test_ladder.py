"""The rungs of fusions: built from what signals declare that they read."""

from pathlib import Path

import pytest
from configs import merged

from reelrank.config.comparisons import comparisons, contenders
from reelrank.config.complete import complete
from reelrank.config.reads import reads
from reelrank.errors import InputError
from reelrank.plan.plan import Plan
from reelrank.report.redact import shown_config

ROOT = Path(__file__).parents[2]
TITLES = {"encoder": "all-MiniLM-L6-v2", "field": "title"}
COVERS = {"encoder": "clip", "field": "cover"}
MINILM = {"type": "similarity", **TITLES, "depth": 100}
TRAINED = {"type": "likelihood", "language_model": "own-llama", "depth": 100}


def completed(rerankers, **over):
    """Return the default config with these re-rankers besides the base list, in this order."""
    run = {"base_models": ["pop", "nfm"], "rerankers": ["identity", *rerankers]}
    return complete(merged({"rerankers": rerankers, "run": run, **over}), ROOT / "config")


def ladder(config, name="f"):
    """Return the blocks of the rungs of a fusion by rung, from the lowest to the highest."""
    blocks = {other: config["rerankers"][other] for other in config["run"]["rerankers"]}
    return {block["rung"]: (other, block) for other, block in blocks.items() if block.get("rung_of") == name}


def test_a_fusion_of_everything_has_every_rung_and_each_reads_no_more_than_it_says():
    given = {"knn": {"type": "recommender", "base_model": "item_knn"}, "mini": MINILM, "own": TRAINED,
             "cover": {"type": "similarity", **COVERS, "depth": 100},
             "f": {"type": "lambdamart", "similarities": [TITLES, COVERS]}}  # fmt: skip
    config = completed(given)
    rungs = ladder(config)
    assert list(rungs) == [
        "no_text", "permuted", "words", "words_permuted", "encoder", "language_model", "images", "all",
    ]  # fmt: skip
    assert rungs["all"][0] == "f" and rungs["words"][0] == "f_words"
    expected = {
        "no_text": set(), "permuted": set(), "words": {"words"}, "words_permuted": {"words"},
        "encoder": {"words", "encoder"}, "language_model": {"words", "encoder", "language_model"},
        "images": {"images", "encoder"}, "all": {"words", "encoder", "language_model", "images"},
    }  # fmt: skip
    for rung, (name, _) in rungs.items():
        assert reads(config, "rerankers", name) - {"interactions", "metadata"} == expected[rung], rung
    assert all("knn" in block["signals"] for _, block in rungs.values())
    assert rungs["permuted"][1]["signals"] == ["knn", "mini_permuted"]
    assert rungs["permuted"][1]["similarities"] == [{**TITLES, "encoder": "all-MiniLM-L6-v2_permuted"}]
    assert config["encoders"]["all-MiniLM-L6-v2_permuted"]["of"] == "all-MiniLM-L6-v2"
    assert rungs["words"][1]["words"] == ["title"] and rungs["no_text"][1]["words"] == []
    Plan(config, ROOT)


def test_each_rung_is_compared_with_what_it_may_be_credited_over_and_fitted_upon_the_first():
    config = completed({"mini": MINILM, "f": {"type": "zscore"}})
    rungs = ladder(config)
    over = {rung: block["over"] for rung, (_, block) in rungs.items()}
    assert over == {
        "no_text": [], "permuted": ["f_no_text"], "words": ["f_no_text"], "words_permuted": ["f_words"],
        "encoder": ["f_words", "f_words_permuted"],
    }  # fmt: skip
    stages = [[stage["signals"] for stage in block["stages"]] for _, block in rungs.values()]
    assert stages[-1] == [[], ["words_title"], ["words_title", "mini"]]
    assert stages[1] == [[], ["mini_permuted"]]
    found = [(row["base_model"], row["reranker"], row["against"]) for row in comparisons(config)]
    assert len(found) == 2 * 5 and ("nfm", "f", "f_words_permuted") in found


def test_the_lists_that_a_rung_needs_run_too_and_are_as_deep_as_what_they_control():
    config = completed({"mini": {**MINILM, "depth": 30}, "f": {"type": "zscore"}})
    assert config["run"]["rerankers"][2:4] == ["words_title_30", "mini_permuted"]
    words, permuted = (config["rerankers"][name] for name in ("words_title_30", "mini_permuted"))
    assert words["type"] == "words" and words["depth"] == permuted["depth"] == 30
    assert permuted["encoder"] == "all-MiniLM-L6-v2_permuted" and permuted["type"] == "similarity"


def test_words_are_a_signal_wherever_a_model_is_one():
    given = {"mini": MINILM, "mine": {"type": "words", "field": "title", "depth": 20}, "f": {"type": "lambdamart"}}
    words = ladder(completed(given))["words"][1]
    assert words["signals"] == ["mine", "words_title"], "the run's own words are less deep than the model's signal"
    deep = {**given, "mine": {"type": "words", "field": "title"}}
    assert ladder(completed(deep))["words"][1]["signals"] == ["mine"]


def test_a_base_model_that_reads_texts_is_no_signal():
    models = {"texts": {"type": "sasrec", "item_input": {**TITLES, "as": "add"}}}
    given = {"r": {"type": "recommender", "base_model": "texts"}, "f": {"type": "zscore"}}
    assert "reads texts or pictures" in completed(given, models=models)["rerankers"]["f"]["left_out"]["r"]
    with pytest.raises(InputError, match=r"rerankers\.f\.signals: 'r' scores by a base model that reads texts"):
        completed({**given, "f": {"type": "zscore", "signals": ["r"]}}, models=models)


def test_words_that_the_run_has_are_the_words_of_the_ladder():
    config = completed({"mini": MINILM, "mine": {"type": "words", "field": "title"}, "f": {"type": "zscore"}})
    assert ladder(config)["words"][1]["signals"] == ["mine"] and "words_title" not in config["rerankers"]


def test_a_fusion_without_texts_or_pictures_is_its_own_ladder():
    config = completed({"f": {"type": "lambdamart"}})
    assert config["run"]["rerankers"] == ["identity", "f"] and config["rerankers"]["f"]["rung"] == "no_text"
    assert comparisons(config) == []


def test_controls_are_never_contenders():
    config = completed({"mini": MINILM, "r": {"type": "random"}, "f": {"type": "zscore"}})
    names = {one["reranker"] for one in contenders(config)}
    assert names == {"identity", "mini", "words_title", "f_words", "f"}, "zscore without signals is the base list"
    assert {tuple(one["reads"]) for one in contenders(config) if one["reranker"] == "identity"} == {("interactions",)}


def test_a_name_that_the_ladder_needs_is_kept_for_it():
    for taken in ("f_words", "mini_permuted", "words_title"):
        with pytest.raises(InputError, match=f"config key rerankers.{taken}: the name is reserved"):
            completed({taken: {"type": "random"}, "mini": MINILM, "f": {"type": "zscore", "signals": ["mini"]}})


def test_the_shown_config_makes_the_same_ladder_again():
    config = completed({"mini": MINILM, "f": {"type": "lambdamart", "similarities": [TITLES]}, "z": {"type": "zscore"}})
    shown = shown_config(config)
    assert shown["run"]["rerankers"] == ["identity", "mini", "f", "z"]
    again = complete(shown, ROOT / "config")
    assert again["run"]["rerankers"] == config["run"]["rerankers"]
    assert {name: again["rerankers"][name] for name in again["run"]["rerankers"]} == {
        name: config["rerankers"][name] for name in config["run"]["rerankers"]
    }
