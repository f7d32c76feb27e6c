"""What a job of asking sent, failed and spent; and the same of several jobs that shared its users."""

import json
import logging
from dataclasses import asdict

from reelrank.errors import InputError

#: What must be the same in all shards, or their answers are not those of one model.
SAME = ("identity", "strategy", "schema")


def ledger_of(asker, before, now, chains, seconds):
    """Return the ledger of one job.

    Parameters
    ----------
    asker : reelrank.llm.ask.sending.Asker
    before, now : dict
        Of `reelrank.llm.ask.request_cache.read_journals`, before and after the questions.
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
        logging.warning("%d requests were sent and their fate is unknown; they count as spent", len(now["unknown"]))
    return ledger


def gather_ledgers(ledgers, answers):
    """Return the ledger of all shards of a job.

    Parameters
    ----------
    ledgers : dict of path to dict
    answers : pyarrow.Table
        Of the contract ``answers``: those of all shards and of both parts.

    Returns
    -------
    dict
        As of `ledger_of`. A request that several shards sent counts once as distinct, and each time as sent.

    Raises
    ------
    InputError
        If shards were answered by different models, or by one at different precisions.
    """
    (first, one), *others = ledgers.items()
    for path, other in others:
        for key in SAME:
            if one[key] != other[key]:
                raise InputError(
                    f"{path}: {key} is {_shown(other[key])}; expected that of {first}, {_shown(one[key])}: shards on "
                    "machines with and without a GPU differ in `precision: auto`; name one, or a partition"
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
        "this_run": _added(ledger["this_run"] for ledger in ledgers.values()),
        "all_runs": _added(ledger["all_runs"] for ledger in ledgers.values()),
        "earlier_runs": sum(ledger["earlier_runs"] for ledger in ledgers.values()),
    }


def _added(counts):
    """Add up dicts of numbers and of lists with the same keys."""
    counts = list(counts)
    return {
        key: sum((one[key] for one in counts), [] if isinstance(value, list) else 0) for key, value in counts[0].items()
    }


def _shown(value):
    return json.dumps(value, sort_keys=True)


def _price(budget, tokens):
    """Return the price of so many input and output tokens, or None where it is not known."""
    if budget.prices is None:
        return None
    return (tokens[0] * budget.prices[0] + tokens[1] * budget.prices[1]) / 1e6
