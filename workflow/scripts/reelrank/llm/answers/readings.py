"""Parse an answer with the strategy that asked the question."""

import math
import unicodedata

from reelrank.llm.answers.rankings import parse
from reelrank.llm.strategies import Reading


def read(options, question, answer):
    """Parse an answer and return its `Reading`.

    Parameters
    ----------
    options : dict
        ``strategy``.
    question : reelrank.llm.strategies.Question
    answer : reelrank.llm.messages.Answer
    """
    n = len(question.shown)
    strategy = options["strategy"]
    if strategy == "listwise":
        parsed = parse(answer.text, n, answer.finish_reason)
        counts = parsed.counts | {"prose_around": int("prose_around" in parsed.faults)}
        return Reading(parsed.order, parsed.raw_ranks, None, parsed.fault, counts)
    if strategy == "pointwise":
        found = choice_probabilities(answer.logprobs, ("yes", "no"))
        total = sum(found.values())
        scores = [found.get("yes", 0.0) / total if total > 0 else None]
    else:
        labels = [chr(ord("a") + index) for index in range(n)]
        found = choice_probabilities(answer.logprobs, labels)
        scores = [math.log(found[label]) if found.get(label, 0) > 0 else None for label in labels]
    return _by_scores(scores, answer, strategy)


def choice_probabilities(logprobs, choices):
    """Return the probability of each choice, summed over its variants: ``A``, `` A``, ``a``, ``(A``, ``▁A``.

    Parameters
    ----------
    logprobs : list or None
        Pairs of token and log-probability of the first token.
    choices : sequence of str
        Choices in lower case.

    Returns
    -------
    dict of str to float
        Only choices that are among the tokens.
    """
    found = {}
    for token, logprob in logprobs or []:
        plain = "".join(c for c in unicodedata.normalize("NFKC", token) if c.isalnum() and c not in "▁Ġ").lower()
        if plain in choices and math.isfinite(logprob):
            found[plain] = found.get(plain, 0.0) + math.exp(min(logprob, 0.0))
    return found


def _by_scores(scores, answer, strategy):
    """Return the `Reading` of candidates ranked by score; a candidate without a score is missing."""
    n = len(scores)
    known = sorted((index for index in range(n) if scores[index] is not None), key=lambda index: -scores[index])
    missing = n - len(known)
    raw = [0] * n
    for place, index in enumerate(known, 1):
        raw[index] = place
    counts = {"missing": missing, "repeated": 0, "unknown": 0, "out_of_range": 0, "prose_around": 0}
    if not answer.logprobs:
        fault = "refused" if answer.finish_reason in ("content_filter", "refusal") else "empty"
    elif missing:
        fault = "missing"
    elif n > 1 and known == list(range(n)) and strategy == "letter_logits":
        fault = "unchanged_order"
    else:
        fault = "none"
    order = (*known, *sorted(set(range(n)) - set(known)))
    return Reading(order, tuple(raw), tuple(scores), fault, counts)
