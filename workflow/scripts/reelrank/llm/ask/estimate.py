"""What a generative re-ranker will ask and cost, told before a single call and without a network.

Without the model's own tokenizer, tokens are guessed from bytes: one for four, which
is about right for English; and bounded by them, since a token is at least one byte.
"""

from pathlib import Path

import numpy as np

from reelrank.llm.ask.budget import TOKENS_PER_MESSAGE
from reelrank.llm.ask.walks import Chains
from reelrank.llm.strategies import questions_per_list

#: Bytes of UTF-8 in a token, as a guess for English.
BYTES_PER_TOKEN = 4

#: Requests that are made out in full to find their mean size; of a larger job, evenly spaced ones.
RENDERED = 500

#: Tokens of an answer for each label it ranks, and around them.
TOKENS_PER_LABEL, TOKENS_AROUND = 4, 12


def estimate(asked, options, chat_model, renderer, prices):
    """Estimate one re-ranker over one base list.

    Parameters
    ----------
    asked : sequence of reelrank.llm.ask.users.Asked
    options : dict
        Of `reelrank.config.generative.generative_options`.
    chat_model : dict
        Of `reelrank.config.generative.chat_model_of`.
    renderer : reelrank.llm.rendering.Renderer
    prices : tuple of (float, float) or None

    Returns
    -------
    dict
        ``users``, ``requests`` (exact where nothing fails), ``input_tokens``,
        ``output_tokens``, ``usd`` (guesses), and ``input_tokens_bound``,
        ``output_tokens_bound``, ``usd_bound`` (never more, where nothing fails). Dollars are
        None where no price is known.
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
    # The largest of the requests that were made out bounds the others' mean with room to spare.
    for name, sizes in (("input_tokens_bound", bounds), ("output_tokens_bound", most)):
        found[name] = requests * max(sizes, default=0)
    for name in ("usd", "usd_bound"):
        ending = name.removeprefix("usd")
        tokens = found[f"input_tokens{ending}"], found[f"output_tokens{ending}"]
        found[name] = None if prices is None else (tokens[0] * prices[0] + tokens[1] * prices[1]) / 1e6
    return found


def tokenizer_of(chat_model):
    """Return a function that counts a request's tokens, where the model's own tokenizer lies in its folder."""
    path = Path(chat_model["model"] or "") / "tokenizer.json"
    if chat_model["client"] != "transformers" or not path.is_file():
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))

    def count(request):
        """Return the tokens of all that a request says."""
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
        f"Requests are exact where nothing fails; each new attempt is one more. Tokens are guessed as bytes / "
        f"{BYTES_PER_TOKEN}, {TOKENS_PER_LABEL} for each ranked label; the bound takes a byte for a token and every "
        "answer at its limit. Answers that the cache holds cost nothing."
    )
    return "\n".join([*lines, "", note]) + "\n"
