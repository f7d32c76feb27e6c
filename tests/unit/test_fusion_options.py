"""Fusions in the config: what they fuse by default, and what they refuse."""

from pathlib import Path

import pytest
from configs import merged

from reelrank.config import complete as settings
from reelrank.config import fusions as fusion_options
from reelrank.errors import InputError

FOLDER = Path(__file__).parents[2] / "config"
MINILM = {"encoder": "all-MiniLM-L6-v2", "field": "title"}
EVERYTHING = ["item_knn_scores", "all-MiniLM-L6-v2-deep", "clip_cover"]


def completed(rerankers=None, run=None, **over):
    """Return the default config, completed, with these re-rankers over its own and these run."""
    config = merged({"rerankers": rerankers or {}, **over})
    config["run"]["rerankers"] = run or config["run"]["rerankers"]
    return settings.complete(config, FOLDER)


def refused(rerankers, run, *fragments):
    """Assert that re-rankers are refused with a message that holds the fragments."""
    with pytest.raises(InputError) as caught:
        completed(rerankers, run)
    for fragment in fragments:
        assert fragment in str(caught.value), str(caught.value)


def test_by_default_all_that_can_be_is_fused_and_the_rest_is_told():
    config = completed()
    for name in ("zscore", "lambdamart"):
        assert sorted(config["rerankers"][name]["signals"]) == sorted([*EVERYTHING, "words_title"])
        assert settings.reranker_depth(config, name) == 100
    assert fusion_options.notices(config) == []
    told = fusion_options.left_out(config)
    assert len(told) == 1 and "'own-llama' is not a signal of zscore, lambdamart" in told[0] and "hits" in told[0]
    assert fusion_options.fusion_options(config["rerankers"]["rrf"]) == {"k": 60}


RUN = ["identity", "random", "all-MiniLM-L6-v2", "own-llama", "rrf", "f"]


@pytest.mark.parametrize(
    ("signals", "fragments"),
    [
        (["all-MiniLM-L6-v3"], ["is not a defined re-ranker", "did you mean all-MiniLM-L6-v2"]),
        (["clip_cover"], ["'clip_cover' is not in run.rerankers"]),
        (["identity"], ["'identity' is of kind base", "all-MiniLM-L6-v2"]),
        (["random"], ["'random' is of kind control"]),
        (["rrf"], ["'rrf' is of kind fusion"]),
        (["own-llama"], ["'own-llama' has users: hits at depth 20", "leaks the place of the held-out item", "100"]),
    ],
)
@pytest.mark.parametrize("kind", ["rrf", "zscore", "lambdamart"])
def test_a_signal_that_cannot_be_is_refused_by_its_key(kind, signals, fragments):
    refused({"f": {"type": kind, "signals": signals}}, RUN, "config key rerankers.f.signals", *fragments)


def test_hits_at_the_depth_of_the_fusion_are_a_signal():
    run = ["identity", "own-llama", "f"]
    with_words = ["words_title_20", "own-llama"]  # the ladder adds words as deep as the language model's lists
    config = completed({"f": {"type": "rrf", "depth": 20, "signals": ["own-llama"]}}, run)
    assert config["rerankers"]["f"]["signals"] == with_words
    assert completed({"f": {"type": "rrf", "depth": 20}}, run)["rerankers"]["f"]["signals"] == with_words
    deeper = {"f": {"type": "rrf", "signals": ["own-llama"]}, "own-llama": {"depth": 100}}
    assert completed(deeper, run)["rerankers"]["f"]["signals"] == ["words_title", "own-llama"]


def test_a_sample_of_users_is_fused_only_by_name():
    asked = {"ask": {"type": "generative", "chat_model": "local-server", "prompt": "titles", "users": {"sample": 9}}}
    run = ["identity", "ask", "own-llama", "f"]
    config = completed({**asked, "f": {"type": "rrf", "depth": 20}}, run)
    assert config["rerankers"]["f"]["signals"] == ["words_title_20", "own-llama"]
    config = completed({**asked, "f": {"type": "rrf", "depth": 20, "signals": ["ask"]}}, run)
    assert config["rerankers"]["f"]["signals"] == ["words_title_20", "ask"]
    both = {**asked, "f": {"type": "rrf", "depth": 20, "signals": ["ask", "own-llama"]}}
    refused(both, run, "rerankers.f.signals", "signals for different users")


@pytest.mark.parametrize(
    ("block", "fragments"),
    [
        ({"type": "rrf", "k": -1}, ["rerankers.f.k", "-1"]),
        ({"type": "zscore", "treshold": 2}, ["rerankers.f.treshold", "did you mean threshold"]),
        ({"type": "lambdamart", "folds": 2}, ["rerankers.f.folds", "2"]),
        ({"type": "lambdamart", "depth": 101}, ["rerankers.f.depth", "101", "at most candidates, 100"]),
        ({"type": "lambdamart", "similarities": [{"encoder": "e", "field": "title"}]}, ["f.similarities", "'e'"]),
        ({"type": "rrf", "rung_of": "x"}, ["rerankers.f.rung_of", "unknown key"]),
        ({"type": "rrf", "signals": "all-MiniLM-L6-v2"}, ["rerankers.f.signals"]),
    ],
)
def test_wrong_options_are_refused_by_their_key(block, fragments):
    refused({"f": block}, ["identity", "all-MiniLM-L6-v2", "f"], *fragments)


def test_shallow_lists_make_shallow_fusions():
    config = completed({"all-MiniLM-L6-v2-deep": {"depth": 50}}, candidates=50)
    assert settings.reranker_depth(config, "zscore") == settings.reranker_depth(config, "zscore_words") == 50


def test_a_base_without_valid_lists_has_no_fusion():
    models = {
        "theirs": {"type": "external", "test": "t.csv"},
        "ours": {"type": "external", "test": "t.csv", "valid": "v.csv"},
    }
    config = completed(models=models)
    config["run"]["base_models"] = ["pop", "theirs", "ours"]
    over = {name: fusion_options.rerankers_over(config, name) for name in config["run"]["base_models"]}
    assert over["pop"] == over["ours"] == config["run"]["rerankers"]
    assert not [name for name in over["theirs"] if fusion_options.is_fusion(config, name)]
    assert set(over["pop"]) - set(over["theirs"]) == set(fusion_options.fusions(config))
    assert "base model 'theirs' has no valid lists, so fusions skip it" in fusion_options.notices(config)
