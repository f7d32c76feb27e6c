"""Language models in the config: what names a model, what is learned, and whose lists are scored."""

import pytest
from configs import completed, refused


def overlay(models=None, **own):
    """Return an overlay that ranks by likelihood."""
    return {
        "run": {"base_models": ["pop"], "rerankers": ["identity", "r"]},
        "language_models": models or {},
        "rerankers": {"r": {"type": "likelihood", "language_model": "smollm2", **own}},
    }


def test_the_shipped_models_are_complete():
    models = completed(overlay(language_model="smollm2-tuned"))["language_models"]
    assert models["smollm2"]["package"] and models["smollm2"]["model"] is None
    tuned = models["smollm2-tuned"]
    assert tuned["base"] == "smollm2" and tuned["target"] == "titles" and tuned["max_training_tokens"]
    assert models["own-llama"]["max_training_tokens"] is None


@pytest.mark.parametrize(
    ("block", "fragments"),
    [
        ({"type": "pretrained"}, ["language_models.m", "exactly one of 'model' or 'package'"]),
        ({"type": "pretrained", "model": "a", "package": "b"}, ["language_models.m", "exactly one of"]),
        ({"type": "lora", "base": "smollm2"}, ["m.prompt: found None with target letters", "name of a prompt"]),
        ({"type": "lora", "base": "smollm2", "target": "titles", "prompt": "titles"}, ["m.prompt", "expected null"]),
        ({"type": "lora", "base": "smollm2", "target": "words"}, ["language_models.m.target", "letters"]),
        ({"type": "scratch", "max_training_tokens": 0}, ["language_models.m.max_training_tokens"]),
    ],
)
def test_a_block_that_cannot_work_is_refused(block, fragments):
    refused(overlay({"m": block}, language_model="m"), *fragments)


@pytest.mark.parametrize("users", ["all", "hits", {"sample": 3}, {"sample": 3, "seed": 0}])
def test_users_may_be_all_hits_or_a_sample(users):
    assert completed(overlay(users=users))["rerankers"]["r"]["users"] == users


@pytest.mark.parametrize("users", ["some", {"sampel": 3}, {"sample": 0}, {"sample": 2.5}, {"sample": 3, "seed": "x"}])
def test_other_users_are_refused(users):
    refused(overlay(users=users), "rerankers.r.users: found", "expected hits, all or {sample: N, seed: S}")
