"""Chat models and generative re-rankers in the config: completed, asked about, refused."""

import pytest
from configs import completed, refused
from llm_fixture import chat_model

from reelrank.config.generative import (
    chat_model_of,
    generative_options,
    language_model_of,
    limits,
    price_of,
    without_limits,
)
from reelrank.config.schema import moved
from reelrank.errors import InputError


def overlay(chat=None, **own):
    """Return an overlay that asks a server on this machine."""
    return {
        "run": {"base_models": ["pop"], "rerankers": ["identity", "r"]},
        "chat_models": {"c": {"client": "openai", "model": "m", "base_url": "http://127.0.0.1/v1"} | (chat or {})},
        "rerankers": {"r": {"type": "generative", "chat_model": "c"} | own},
    }


@pytest.mark.parametrize(
    ("chat", "own", "message"),
    [
        ({}, {"prompt": "refind"}, "rerankers.r.prompt: unknown prompt 'refind'; did you mean refined"),
        (
            {},
            {"chat_model": "gpt-4o-minni"},
            "rerankers.r.chat_model: unknown name 'gpt-4o-minni'; did you mean gpt-4o",
        ),
        ({}, {"strategy": "likelihood"}, "rerankers.r.strategy: 'likelihood' is not one of"),
        ({}, {"strategy": "likelihood"}, "use a re-ranker of type likelihood"),
        (
            {},
            {"strategy": "letter_logits", "window": 11},
            "rerankers.r.window: found 11; expected 2 to 10 with letter_l",
        ),
        ({}, {"window": 27}, "rerankers.r.window: 27 is greater than the maximum of 26"),
        ({}, {"window": 5, "stride": 6}, "rerankers.r.stride: found 6"),
        ({}, {"users": "some"}, "rerankers.r.users: found 'some'; expected hits, all or"),
        ({}, {"users": {"sampel": 3}}, "rerankers.r.users: found"),
        ({}, {"users": {"sample": 0}}, "rerankers.r.users: found {'sample': 0}; expected"),
        (
            {},
            {"fields": {"titel": 20}},
            "rerankers.r.fields: 'titel' is not a name in fields or tags; did you mean title",
        ),
        (
            {},
            {"client": "openai"},
            "rerankers.r.client: belongs to the chat model now; expected it in a block of chat_mo",
        ),
        ({}, {"max_cost_usd": 1}, "rerankers.r.max_cost_usd: belongs to the chat model now"),
        ({}, {"comments_per_item": 3}, "rerankers.r.comments_per_item: is one key of the whole config now"),
        ({"client": "opnai"}, {}, "chat_models.c.client: unknown client 'opnai'; did you mean openai"),
        ({"modle": "x"}, {}, "chat_models.c.modle: unknown key 'modle'; did you mean model"),
        ({"concurrency": 0}, {}, "chat_models.c.concurrency: 0 is less than the minimum of 1"),
        (
            {"base_url": None},
            {},
            "chat_models.c.send_to_third_party: histories of users .fields title. would be sent to openai",
        ),
        (
            {"base_url": "https://example.org/v1"},
            {},
            "chat_models.c.send_to_third_party.*example.org/v1 for the re-ranker 'r'",
        ),
        ({"client": "huggingface", "base_url": None}, {}, "send_to_third_party.*huggingface"),
        ({"max_cost_usd": 1.0}, {}, "chat_models.c.max_cost_usd: the price of 'm' is not in"),
        ({"base_url": "http://me:pw@127.0.0.1/v1"}, {}, "chat_models.c.base_url: found a user or password"),
    ],
)
def test_a_chat_model_or_re_ranker_that_cannot_work_is_refused(chat, own, message):
    with pytest.raises(InputError, match=message):
        completed(overlay(chat, **own))


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({}, "chat_models.c: expected exactly one of 'model' and 'language_model'; found neither"),
        ({"model": "m", "language_model": "own-llama"}, "chat_models.c: expected exactly one of"),
        (
            {"language_model": "own-lama"},
            "chat_models.c.language_model: unknown name 'own-lama'; did you mean own-llama",
        ),
        ({"model": "m", "base_url": "http://127.0.0.1/v1"}, "chat_models.c.base_url: unknown key 'base_url'"),
    ],
)
def test_a_chat_model_in_process_names_one_model(own, message):
    over = overlay()
    over["chat_models"] = {"c": {"client": "transformers", **own}}
    with pytest.raises(InputError, match=message):
        completed(over)


def test_all_mistakes_are_told_at_once():
    over = overlay({"concurrency": 0}, prompt="refind")
    over["chat_models"]["d"] = {"client": "openai", "model": "m", "base_url": "http://127.0.0.1/v1", "timeout": 3}
    over["rerankers"]["s"] = {"type": "generative", "chat_model": "d", "stride": 9, "window": 4, "client": "openai"}
    over["rerankers"]["t"] = {
        "type": "generative",
        "chat_model": "local-server",
        "users": "x",
        "stride": 9,
        "window": 4,
    }
    over["run"]["rerankers"] += ["s", "t"]
    refused(
        over, "c.concurrency", "d.timeout: unknown key", "s.client", "t.users", "t.stride", "the config has 7 mistakes"
    )


def test_a_chat_model_and_re_ranker_that_work_are_complete():
    for chat in ({}, {"base_url": None, "send_to_third_party": True}):
        config = completed(overlay(chat, users={"sample": 5, "seed": 1}))
        model = chat_model_of(config, "r")
        assert model["name"] == "c" and model["timeout_s"] == 60.0 and model["concurrency"] == 16
        assert set(limits(model)) | set(without_limits(model)) == set(model)
        assert without_limits(model) == {"name": "c"} | {
            key: model[key] for key in ("client", "model", "base_url", "key_variable")
        }
        assert language_model_of(config, "r") is None and chat_model_of(config, "identity") is None
    options = generative_options(config, "r")
    assert (options["window"], options["stride"], options["client"]) == (20, 10, "openai")
    assert "comments_per_item" not in options and options["fields"] == {"title": 120}


def test_windows_are_as_wide_as_the_list_and_the_client_allow():
    for own, window in (({"strategy": "letter_logits"}, 10), ({"depth": 100}, 26), ({"depth": 100, "window": 8}, 8)):
        assert generative_options(completed(overlay(**own)), "r")["window"] == window
    here = overlay(strategy="letter_logits", fields={"title": 20, "comments": 80})
    here["chat_models"] = {"c": {"client": "transformers", "language_model": "own-llama"}}
    config = completed(here)
    options = generative_options(config, "r")
    assert (options["window"], options["comments_per_item"]) == (20, 5)
    assert chat_model_of(config, "r")["concurrency"] == 256 and language_model_of(config, "r") == "own-llama"


def test_a_completed_config_can_be_completed_again():
    config = completed(overlay())
    assert (
        completed({key: config[key] for key in ("chat_models", "rerankers", "run")})["chat_models"]
        == config["chat_models"]
    )


def test_a_price_is_that_of_the_model_and_nothing_where_nothing_is_sent():
    prices = {"m": {"input": 1, "output": 2}}
    assert price_of(prices, chat_model(model="m")) == (1, 2) and price_of(prices, chat_model(model="n")) is None
    assert price_of(prices, chat_model("transformers", model="n")) == price_of(prices, None) == (0.0, 0.0)


def test_a_moved_key_is_known_in_a_block_whose_name_has_a_dot():
    assert "chat_models" in moved("rerankers.Llama-3.1-8B.base_url") and moved("rerankers.r.prompt") is None
