"""Raw answers of a language model as columns of the contract ``answers``."""

import json

import pyarrow as pa

KEYS = ("user", "permutation", "step", "key")
FROM_ANSWER = (
    "text", "finish_reason", "input_tokens", "output_tokens", "model", "fingerprint", "latency_s", "attempt",
)  # fmt: skip


def answer_columns(rows):
    """Return the columns of a table of answers, in the order of users, permutations and steps.

    Parameters
    ----------
    rows : dict of (int, int) to sequence of (int, str, Answer)
        By user and permutation: step, key of the request, and the answer.

    Returns
    -------
    dict of str to list or pyarrow.Array
    """
    entries = [
        (user, permutation, number, key, answer)
        for (user, permutation), answered in sorted(rows.items())
        for number, key, answer in sorted(answered, key=lambda one: one[0])
    ]
    columns = {name: [entry[index] for entry in entries] for index, name in enumerate(KEYS)}
    answers = [entry[-1] for entry in entries]
    columns |= {name: [getattr(answer, name) for answer in answers] for name in FROM_ANSWER}
    logprobs = [None if answer.logprobs is None else json.dumps(answer.logprobs) for answer in answers]
    return columns | {"logprobs": pa.array(logprobs, pa.string())}
