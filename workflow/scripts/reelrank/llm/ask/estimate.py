"""Estimate the requests and the cost of a generative re-ranker, without a network.

Without the model's tokenizer, tokens are estimated as bytes / 4, which is about right for
English. The upper bound is the number of bytes, since a token is at least one byte.
"""

from pathlib import Path

import numpy as np

from reelrank.llm.ask.budget import TOKENS_PER_MESSAGE
from reelrank.llm.ask.walks import Chains
from reelrank.llm.strategies import questions_per_list

#: Bytes of UTF-8 per token, a rough estimate for English.
BYTES_PER_TOKEN = 4

#: Maximum number of requests that are rendered to measure their mean size; they are evenly spaced over the job.
RENDERED = 500

#: Tokens of an answer per ranked label, and additional tokens around the labels.
TOKENS_PER_LABEL, TOKENS_AROUND = 4, 12


def estimate(asked, options, chat_model, renderer, prices):
    """Return the estimate for one re-ranker over one base list.

    Parameters
    ----------
    asked : sequence of reelrank.llm.ask.users.Asked
    options : dict
        Result of `reelrank.config.generative.generative_options`.
    chat_model : dict
        Result of `reelrank.config.generative.chat_model_of`.
    renderer : reelrank.llm.rendering.Renderer
    prices : tuple of (float, float) or None

    Returns
    -------
    dict
        ``users``, ``requests`` (exact if no request fails), ``input_tokens``,
        ``output_tokens``, ``usd`` (estimates), and ``input_tokens_bound``,
        ``output_tokens_bound``, ``usd_bound`` (upper bounds if no request fails). Dollars are
        None if the price is unknown.
    """
    chains = Chains(asked, options, renderer)
    depths = np.concatenate([one.lists.present.sum(1) for one in asked])
    requests = int(sum(questions_per_list(options, int(depth)) for depth in depths))
    places = [place for place in chains.all() if place[2] == 0]
    step = max(1, len(places) // RENDERED)
    count = tokenizer_of(chat_model)
    inputs, bounds, outputs, most = [], [], [], []
    for place in places[::step]:
        generator, request_of = chains.open(*place)
        question = next(generator)[0]
        request = request_of(question)
        extra = TOKENS_PER_MESSAGE * (len(request.messages) + 1)
        bounds.append(request.size() + extra)
        inputs.append(count(request) if count else request.size() / BYTES_PER_TOKEN + extra / 2)
        written = TOKENS_PER_LABEL * len(question.shown) + TOKENS_AROUND if request.kind == "text" else 1
        outputs.append(min(request.max_tokens, written))
        most.append(request.max_tokens)
    found = {"users": len(depths), "requests": requests}
    for name, sizes in (("input_tokens", inputs), ("output_tokens", outputs)):
        found[name] = round(requests * float(np.mean(sizes))) if sizes else 0
    # The largest rendered request is a safe bound on the mean of the others.
    for name, sizes in (("input_tokens_bound", bounds), ("output_tokens_bound", most)):
        found[name] = requests * max(sizes, default=0)
    for name in ("usd", "usd_bound"):
        ending = name.removeprefix("usd")
        tokens = found[f"input_tokens{ending}"], found[f"output_tokens{ending}"]
        found[name] = None if prices is None else (tokens[0] * prices[0] + tokens[1] * prices[1]) / 1e6
    return found


def tokenizer_of(chat_model):
    """Return a function that counts the tokens of a request, or None if the model has no local tokenizer."""
    path = Path(chat_model["model"] or "") / "tokenizer.json"
    if chat_model["client"] != "transformers" or not path.is_file():
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))

    def count(request):
        """Return the number of tokens in the messages of a request."""
        return sum(len(tokenizer.encode(content).ids) for _, content in request.messages)

    return count


def to_markdown(rows):
    """Return the estimates as a Markdown table."""
    heads = ["base", "seed", "re-ranker", "users", "requests", "input tokens", "output tokens", "dollars"]
    lines = ["| " + " | ".join(heads) + " |", "|---|---|---|" + "---:|" * 5]
    for row in rows:
        cells = [row["base_model"], row["seed"], row["reranker"], row["users"], row["requests"]]
        cells += [f"{row[name]:,} (at most {row[f'{name}_bound']:,})" for name in ("input_tokens", "output_tokens")]
        price = "unknown" if row["usd"] is None else f"{row['usd']:.2f} (at most {row['usd_bound']:.2f})"
        lines.append("| " + " | ".join(map(str, [*cells, price])) + " |")
    note = (
        "Requests are exact if none fails; each new attempt adds one. Tokens are estimated as bytes / "
        f"{BYTES_PER_TOKEN}, and {TOKENS_PER_LABEL} per ranked label. The bound counts one token per byte, and every "
        "answer at its maximum length. Cached answers cost nothing."
    )
    return "\n".join([*lines, "", note]) + "\n"
