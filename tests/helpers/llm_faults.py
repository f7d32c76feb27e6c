"""Faults that a server injects, and what must hold all the same."""

from collections import Counter

FAULTS = {
    "429": 0.04, "500": 0.03, "503": 0.02, "hang": 0.01, "cut": 0.03, "half_body": 0.02, "garbage": 0.01,
    "half_json": 0.02, "wrong_labels": 0.01, "unconstrained": 0.01,
}  # fmt: skip


def check_all_answered_once(server, rows, ledger, n_users):
    """Every user is answered, and no answer that was committed was asked for again."""
    assert len(rows["test"]) == n_users
    answered = Counter(server.answered)
    committed = ledger["all_runs"]["answered"]
    # The two sides differ at most by the requests whose connection was cut, and those are listed.
    unknown = len(ledger["all_runs"]["unknown"])
    assert committed <= sum(answered.values()) <= committed + unknown
    sent = ledger["all_runs"]["sent"]
    assert sent - unknown <= len(server.received) <= sent
