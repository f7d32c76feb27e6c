"""What users wrote or watched leaves the machine only where the config says that it may."""

from pathlib import Path

import pytest
from configs import merged

from reelrank.config import complete as settings
from reelrank.config.fields import encoder_block
from reelrank.errors import InputError

FOLDER = Path(__file__).parents[2] / "config"


def completed(encoder, reranker):
    """Return the default config with a similarity re-ranker over an encoder of its own."""
    config = merged()
    config["encoders"]["own"] = encoder
    config["rerankers"]["own"] = {"type": "similarity", "encoder": "own", **reranker}
    config["run"] = {**config["run"], "rerankers": ["identity", "own"]}
    return settings.complete(config, FOLDER)


OPENAI = {"type": "openai", "model": "m"}
AWAY = [
    (OPENAI, "openai"),
    ({**OPENAI, "base_url": "https://example.org/v1"}, "example.org"),
    ({**OPENAI, "base_url": "https://127.example.org/v1"}, "127.example.org"),
    ({"type": "huggingface", "model": "m/m", "provider": "together"}, "together"),
    ({"type": "huggingface", "model": "https://example.org"}, "example.org"),
]
OF_USERS = [
    ({"field": "comments"}, "comments of users .*reads comments"),
    ({"field": "title_comments"}, "comments of users .*reads title_comments"),
    ({"field": "title", "pooling": "concatenate"}, "histories of users"),
]


@pytest.mark.parametrize(("encoder", "whom"), AWAY)
@pytest.mark.parametrize(("reranker", "what"), OF_USERS)
def test_texts_of_users_do_not_leave_unasked(encoder, whom, reranker, what):
    with pytest.raises(InputError, match=rf"encoders.own.send_to_third_party: {what}.*{whom}.*expected true"):
        completed(encoder, reranker)
    allowed = completed({**encoder, "send_to_third_party": True}, reranker)
    decides = encoder_block(allowed, "own")
    assert decides.items() >= encoder.items() and "send_to_third_party" not in decides, "it changes no vector"


@pytest.mark.parametrize(
    "over",
    [
        {"run": {"base_models": ["pop", "dssm_video"]}},
        {"run": {"base_models": ["both"]}, "models": {"both": {"type": "union", "of": ["pop", "dssm_video"]}}},
        {"rerankers": {"item_knn_scores": {"base_model": "dssm_video"}}},
    ],
    ids=["of_the_run", "part_of_a_union", "of_a_re_ranker"],
)
def test_features_of_a_base_model_are_held_back_too(over):
    config = merged(over)
    config["models"]["dssm_video"] |= {"encoder": "text-embedding-3-small", "field": "comments"}
    with pytest.raises(InputError, match=r"text-embedding-3-small.send_to_third_party: .*models.dssm_video"):
        settings.complete(config, FOLDER)


@pytest.mark.parametrize(
    "encoder",
    [
        {**OPENAI, "base_url": "http://127.0.0.1:8000/v1"},
        {"type": "huggingface", "model": "http://localhost:8080"},
        {"type": "sentence_transformer", "model": "m"},
    ],
)
@pytest.mark.parametrize("reranker", [reranker for reranker, _ in OF_USERS])
def test_what_stays_on_this_machine_needs_no_permission(encoder, reranker):
    completed(encoder, reranker)


@pytest.mark.parametrize("encoder", [encoder for encoder, _ in AWAY])
def test_titles_are_no_secret(encoder):
    completed(encoder, {"field": "title"})
