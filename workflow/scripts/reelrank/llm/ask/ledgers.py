"""The ledger of an asking job (requests, failures, spending), and the joined ledger of its shards."""

import json
import logging
from dataclasses import asdict

from reelrank.errors import InputError

#: Keys that must be equal in all shards; otherwise different models gave the answers.
SAME = ("identity", "strategy", "schema")


def ledger_of(asker, before, now, chains, seconds):
    """Return the ledger of one job.

    Parameters
    ----------
    asker : reelrank.llm.ask.sending.Asker
    before, now : dict
        Results of `reelrank.llm.ask.request_cache.read_journals`, before and after asking.
    chains : reelrank.llm.ask.walks.Chains
    seconds : float

    Returns
    -------
    dict
    """
    answers = {
        key: answer for rows in chains.rows.values() for answered in rows.values() for _, key, answer in answered
    }
    tokens = [sum(getattr(answer, name) for answer in answers.values()) for name in ("input_tokens", "output_tokens")]
    ledger = {
        "identity": json.loads(asker.identity),
        "strategy": chains.options["strategy"],
        "schema": chains.options["schema"],
        "answers": sum(len(answered) for rows in chains.rows.values() for answered in rows.values()),
        "distinct_requests": len(answers),
        "input_tokens": tokens[0],
        "output_tokens": tokens[1],
        "usd": _price(asker.budget, tokens),
        "this_run": asdict(asker.counts) | {"seconds": round(seconds, 3)},
        "all_runs": now,
        "earlier_runs": before["runs"],
    }
    logging.info("this run: %s", ledger["this_run"])
    if now["unknown"]:
        logging.warning("%d requests were sent with unknown outcome; they count as spent", len(now["unknown"]))
    return ledger


def gather_ledgers(ledgers, answers):
    """Return the ledger of all shards of a job.

    Parameters
    ----------
    ledgers : dict of path to dict
    answers : pyarrow.Table
        Answers of all shards and both splits, with the contract ``answers``.

    Returns
    -------
    dict
        Like the result of `ledger_of`. A request that several shards sent counts once as distinct, but each time as
        sent.

    Raises
    ------
    InputError
        If different models, or one model at different precisions, answered the shards.
    """
    (first, one), *others = ledgers.items()
    for path, other in others:
        for key in SAME:
            if one[key] != other[key]:
                raise InputError(
                    f"{path}: found {key} {_shown(other[key])}; expected {_shown(one[key])}, as in {first}. Machines "
                    "with and without a GPU differ in `precision: auto`: set a precision, or use one SLURM partition"
                )
    distinct = answers.select(["key", "input_tokens", "output_tokens"]).to_pandas().drop_duplicates("key")
    prices = [ledger["usd"] for ledger in ledgers.values()]
    return {
        **{key: one[key] for key in SAME},
        "answers": len(answers),
        "distinct_requests": len(distinct),
        "input_tokens": int(distinct["input_tokens"].sum()),
        "output_tokens": int(distinct["output_tokens"].sum()),
        "usd": None if None in prices else sum(prices),
        "this_run": _sums(ledger["this_run"] for ledger in ledgers.values()),
        "all_runs": _sums(ledger["all_runs"] for ledger in ledgers.values()),
        "earlier_runs": sum(ledger["earlier_runs"] for ledger in ledgers.values()),
    }


def _sums(counts):
    """Return the sums of dicts with the same keys, whose values are numbers or lists."""
    counts = list(counts)
    return {
        key: sum((one[key] for one in counts), [] if isinstance(value, list) else 0) for key, value in counts[0].items()
    }


def _shown(value):
    return json.dumps(value, sort_keys=True)


def _price(budget, tokens):
    """Return the price of `tokens`, input and output, or None if it is unknown."""
    if budget.prices is None:
        return None
    return (tokens[0] * budget.prices[0] + tokens[1] * budget.prices[1]) / 1e6
