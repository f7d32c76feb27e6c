"""Asking against a loopback server that misbehaves: everyone is answered, once, within the limits."""

import errno
import json
import os
from collections import Counter

import pytest
from llm_faults import FAULTS, check_all_answered_once
from llm_fixture import asked_users, run, texts_of
from llm_server import Running

from reelrank.errors import InputError
from reelrank.llm.ask import sending as asking
from reelrank.llm.ask.request_cache import AnswerCache, read_journals
from reelrank.llm.clients import openai as client_module


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    monkeypatch.setenv("REELRANK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(asking, "FIRST_WAIT_S", 0.01)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_faults_of_every_kind_lose_nobody(tmp_path):
    with Running(tmp_path, faults=FAULTS, hang_s=5) as server:
        rows, _, ledger = run(tmp_path, server.url, 400, timeout_s=2.0, concurrency=32)
        check_all_answered_once(server, rows, ledger, 400)
        cut = sum(server.of(fault) for fault in ("hang", "cut", "half_body", "garbage"))
        # On a busy machine more requests time out than the server let hang.
        assert len(ledger["all_runs"]["unknown"]) == ledger["this_run"]["unknown"] >= cut > 0
        assert 0 < ledger["this_run"]["failed"] <= server.of("429") + server.of("500") + server.of("503")
        received = len(server.received)
        again, _, replayed = run(tmp_path, server.url, 400)
        assert len(server.received) == received, "a second run asks nothing, not even the probe"
        assert texts_of(again) == texts_of(rows)
        assert replayed["this_run"]["cached"] == 400 and replayed["this_run"]["sent"] == 0


def test_retry_after_is_honoured(tmp_path, monkeypatch):
    with Running(tmp_path, faults={"429": 0.3}, retry_after="0.2") as server:
        _, _, ledger = run(tmp_path, server.url, 6, concurrency=1)
        assert server.of("429") >= 1
        assert ledger["this_run"]["seconds"] >= 0.2


@pytest.mark.parametrize(
    ("status", "fragments"),
    [
        (400, ["HTTP 400", "not accepted", "bad thing"]),
        (401, ["HTTP 401", "MY_KEY"]),
        (402, ["HTTP 402", "payment"]),
        (403, ["HTTP 403", "MY_KEY"]),
        (404, ["HTTP 404", "no such model"]),
        (429, ["HTTP 429", "quota is spent"]),
    ],
)
@pytest.mark.parametrize("client", ["openai", "huggingface"])
def test_what_waiting_does_not_mend_is_said_at_once(tmp_path, monkeypatch, client, status, fragments):
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    code = "insufficient_quota" if status == 429 else "x"
    body = {"error": {"message": "bad thing with sk-very-secret", "code": code}}
    with Running(tmp_path, status=status, body=body) as server:
        with pytest.raises(InputError) as caught:
            run(tmp_path, server.url, 30, options={"structured": "off"}, client=client, key_variable="MY_KEY")
        message = str(caught.value)
        assert all(fragment in message for fragment in ["chat_models.chat", *fragments]), message
        assert "sk-very-secret" not in message
        assert len(server.received) <= 17, "the others stop as well"


def test_a_key_that_is_missing_is_named_before_anything_is_sent(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InputError, match=r"key_variable: the environment variable OPENAI_API_KEY is not set"):
        run(tmp_path, None, 2, send_to_third_party=True)
    assert not (tmp_path / "cache").exists()


def test_a_cached_run_needs_no_key(tmp_path, monkeypatch):
    monkeypatch.setenv("MY_KEY", "k")
    with Running(tmp_path) as server:
        monkeypatch.setattr(client_module, "third_party", lambda _: "example.org")
        own = {"send_to_third_party": True, "key_variable": "MY_KEY"}
        rows, _, _ = run(tmp_path, server.url, 3, **own)
        monkeypatch.delenv("MY_KEY")
        again, _, _ = run(tmp_path, server.url, 3, **own)
        assert texts_of(again) == texts_of(rows)
        with pytest.raises(InputError, match="MY_KEY is not set"):
            run(tmp_path, server.url, 4, **own)


def test_nothing_leaves_without_consent(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    with pytest.raises(
        InputError, match=r"chat.send_to_third_party: histories \(fields title\) of 2 users.*api.openai.com"
    ):
        run(tmp_path, None, 2)


@pytest.mark.parametrize("limit", [1, 7, 19])
def test_max_requests_stops_before_it_is_passed(tmp_path, limit):
    with Running(tmp_path) as server:
        with pytest.raises(InputError, match=f"max_requests: all {limit} requests are spent"):
            run(tmp_path, server.url, 40, max_requests=limit)
        assert len(server.received) == limit
        with pytest.raises(InputError, match="max_requests"):
            run(tmp_path, server.url, 40, max_requests=limit)
        assert len(server.received) == limit, "earlier runs count"
        rows, _, _ = run(tmp_path, server.url, 40)
        assert len(rows["test"]) == 40
        # The probe may be sent again in a later run; answers never are.
        assert max(Counter(server.received).values()) <= 1, "what was answered is kept"


@pytest.mark.parametrize("limits", [{"max_requests": 0}, {"max_cost_usd": 0.0, "prices": (1.0, 1.0)}])
def test_a_limit_of_nothing_sends_nothing(tmp_path, limits):
    with Running(tmp_path) as server:
        with pytest.raises(InputError, match=f"{next(iter(limits))}: "):
            run(tmp_path, server.url, 3, **limits)
        assert server.received == []


def test_an_answer_that_cannot_be_kept_stops_the_others_and_does_not_hang(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Running(tmp_path) as server:
        run(tmp_path, server.url, 1)
        monkeypatch.setattr(AnswerCache, "put", full)
        with pytest.raises(InputError, match=r"cache: cannot write an answer \(No space left on device\)"):
            run(tmp_path, server.url, 60, prices=(100.0, 100.0), max_cost_usd=3.0)
        assert len(server.received) < 45


def test_a_shared_cache_alone_replays_without_a_server(tmp_path, monkeypatch):
    with Running(tmp_path) as server:
        rows, _, _ = run(tmp_path, server.url, 4)
    monkeypatch.setenv("REELRANK_CACHE_SHARED", str(tmp_path / "cache"))
    again, _, ledger = run(tmp_path / "elsewhere", server.url, 4)
    assert texts_of(again) == texts_of(rows) and ledger["this_run"]["sent"] == 0


def test_max_cost_stops_before_it_is_passed(tmp_path):
    prices = (100.0, 400.0)
    with Running(tmp_path) as server:
        _, _, ledger = run(tmp_path / "whole", server.url, 30, prices=prices)
        whole = ledger["usd"]
        limit = whole / 2
        with pytest.raises(InputError, match="max_cost_usd"):
            run(tmp_path, server.url, 30, prices=prices, max_cost_usd=limit)
        spent = read_journals(AnswerCache(tmp_path / "cache"), "d/p/b/1/llm")["usd"]
        assert 0.4 * limit < spent <= limit
        rows, _, ledger = run(tmp_path, server.url, 30, prices=prices, max_cost_usd=3 * whole)
        assert len(rows["test"]) == 30 and ledger["usd"] == pytest.approx(whole)


def test_requests_per_minute(tmp_path):
    with Running(tmp_path) as server:
        own = {"structured": "off"}
        _, _, ledger = run(tmp_path, server.url, 12, requests_per_minute=600, options=own)
        assert ledger["this_run"]["seconds"] > 0.05 and len(server.received) == 12
        _, _, ledger = run(
            tmp_path, server.url, 31, requests_per_minute=600, job="other", options={"structured": "off"}
        )
        assert ledger["this_run"]["sent"] == 19 and ledger["this_run"]["seconds"] >= 0.8


@pytest.mark.parametrize("client", ["openai", "huggingface"])
@pytest.mark.parametrize("strategy", ["listwise", "letter_logits", "pointwise"])
@pytest.mark.parametrize("able", [True, False])
def test_the_probe_finds_out_what_a_server_ignores(tmp_path, client, strategy, able):
    own = {"strategy": strategy, "without_logprobs": "listwise"}
    with Running(tmp_path, logprobs=able, structured=able) as server:
        rows, effective, _ = run(tmp_path, server.url, 5, options=own, client=client)
        assert effective["strategy"] == (strategy if able else "listwise")
        assert effective["schema"] == (able and strategy == "listwise")
        answers = [answer for own_rows in rows["test"].values() for _, _, answer in own_rows]
        assert all((answer.logprobs is not None) == (effective["strategy"] != "listwise") for answer in answers)
        if not able and strategy != "listwise":
            with pytest.raises(InputError, match="needs log-probabilities, and the probe found"):
                run(tmp_path, server.url, 5, options=own | {"without_logprobs": "error"}, client=client)
        if not able and strategy == "listwise":
            with pytest.raises(InputError, match="structured: found required, but the probe found"):
                run(tmp_path, server.url, 5, options=own | {"structured": "required"}, client=client)


def test_a_server_that_changed_is_found_out(tmp_path):
    with Running(tmp_path, structured=True) as server:
        _, effective, _ = run(tmp_path, server.url, 5)
        assert effective["schema"]
        port = server.port
    with Running(tmp_path, structured=False, port=port) as server:
        rows, effective, _ = run(tmp_path, server.url, 8)
        assert not effective["schema"] and len(rows["test"]) == 8


def test_a_dead_server_gives_an_error_and_keeps_what_it_answered(tmp_path):
    with Running(tmp_path) as server:
        run(tmp_path, server.url, 5)
        url = server.url
    with pytest.raises(InputError, match=r"3 attempts .the connection failed|failed 3 times"):
        run(tmp_path, url, 6, max_attempts=3)
    rows, _, _ = run(tmp_path, url, 5)
    assert len(rows["test"]) == 5, "a cached run needs no server"


def test_identical_requests_are_sent_once(tmp_path):
    asked, titles = asked_users(10)
    same = ["one title"] * len(titles)
    with Running(tmp_path) as server:
        rows, _, ledger = run(
            tmp_path, server.url, asked=(asked, same), options={"history_length": 3, "structured": "off"}
        )
        assert len(rows["test"]) == 10 and len(server.received) == ledger["distinct_requests"] == 1


def test_sliding_windows_and_permutations_replay_from_the_cache(tmp_path):
    own = {"window": 4, "stride": 2, "permutations": 3}
    with Running(tmp_path) as server:
        rows, _, ledger = run(tmp_path, server.url, 6, depth=10, options=own)
        assert ledger["answers"] == 6 * 3 * 4 and len(rows["test"]) == 18
        received = len(server.received)
        again, _, _ = run(tmp_path, server.url, 6, depth=10, options=own)
        assert texts_of(again) == texts_of(rows) and len(server.received) == received


def test_no_user_is_named_in_a_request_or_in_the_cache(tmp_path):
    asked, titles = asked_users(12)
    with Running(tmp_path) as server:
        rows, _, _ = run(tmp_path, server.url, asked=(asked, titles))
    keys = {key for own in rows["test"].values() for _, key, _ in own}
    for path in (tmp_path / "cache" / "answers").rglob("*.json"):
        record = json.loads(path.read_bytes())
        assert record["key"] in keys and "user" not in record
