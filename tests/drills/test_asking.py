"""Long drills of asking a language model: many faults, and many kills."""

import json

import pytest
from llm_drill import drill
from llm_faults import FAULTS, check_all_answered_once
from llm_fixture import run
from llm_server import Running

from reelrank.llm.ask import sending


@pytest.fixture(autouse=True)
def loopback(monkeypatch, tmp_path):
    monkeypatch.setenv("REELRANK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_ten_thousand_requests_with_twenty_percent_faults(tmp_path, monkeypatch):
    monkeypatch.setattr(sending, "FIRST_WAIT_S", 0.01)
    with Running(tmp_path, faults=FAULTS, hang_s=4) as server:
        rows, _, ledger = run(tmp_path, server.url, 10_000, timeout_s=3.0, concurrency=64)
        check_all_answered_once(server, rows, ledger, 10_000)
    counts = {name: ledger["all_runs"][name] for name in ("sent", "answered", "failed")}
    print(f"\n10,000 users, 20% faults: {json.dumps(counts)}, {len(ledger['all_runs']['unknown'])} of unknown fate")


def test_twenty_kills(tmp_path):
    print(f"\ntwenty kills: {json.dumps(drill(tmp_path, kills=20, n_users=3000))}")
