"""Fill in prompts: a history and candidates become the messages of one request."""

import functools
import json
import re

from reelrank.config.prompts import LETTERS
from reelrank.llm.messages import Request

#: Answers to a pointwise question.
YES_NO = ("Yes", "No")

#: Number of requested log-probabilities of the first token, the maximum of providers.
TOP_LOGPROBS = 20


def fill(template, slots):
    """Return a template with its slots filled in; braces in the values stay unchanged."""
    literals, names = _split(template)
    filled = [literals[0]]
    for name, literal in zip(names, literals[1:], strict=True):
        filled += slots.get(name, f"{{{name}}}"), literal
    return "".join(filled)


@functools.cache
def _split(template):
    """Return the literal texts of a template and the slots between them; cached, since templates are few."""
    pieces = re.split(r"\{(\w+)\}", template)
    return pieces[::2], pieces[1::2]


@functools.cache
def _around_item(template, name, value):
    """Return the texts before and after the item in a line, with its other slot filled in."""
    literals, names = _split(template)
    pieces = [literals[0]]
    for slot, literal in zip(names, literals[1:], strict=True):
        if slot == "item":
            pieces.append(literal)
        else:
            pieces[-1] += (value if slot == name else f"{{{slot}}}") + literal
    return pieces


class Renderer:
    """Makes the requests for questions.

    Parameters
    ----------
    prompt : Prompt
    texts : list of str
        Prompt text of each item.
    options : dict
        ``strategy``, ``temperature``, ``seed``, ``max_tokens`` (None: enough for a list), optionally ``client``.
    structured : bool
        Whether the server obeys a JSON schema.
    """

    def __init__(self, prompt, texts, options, structured):
        self.prompt, self.texts, self.options, self.structured = prompt, texts, options, structured

    def request(self, history, shown):
        """Return the request that shows a history and candidates.

        Parameters
        ----------
        history : sequence of int
            The user's latest items, oldest first. A prompt never contains a user id.
        shown : sequence of int
            Candidate items in the order of their labels.
        """
        strategy = self.options["strategy"]
        common = {"temperature": self.options["temperature"], "seed": self.options["seed"]}
        labels = LETTERS[: len(shown)] if strategy != "pointwise" else ""
        messages, shared = self._messages(history, shown, labels)
        if self.options.get("client") == "transformers":
            common["shared"] = shared
        if strategy == "listwise":
            most = self.options["max_tokens"] or 64 + 8 * len(shown)
            schema = ranking_schema(labels) if self.structured else None
            return Request("text", messages, most, schema=schema, **common)
        choices = YES_NO if strategy == "pointwise" else tuple(labels)
        most = self.options["max_tokens"] or 1
        return Request("choice", messages, most, choices=choices, top_logprobs=TOP_LOGPROBS, **common)

    def _messages(self, history, shown, labels):
        """Return the messages, and the number of characters before the candidates, which end the last message."""
        lines = [
            self.texts[item].join(_around_item(self.prompt.candidate_line if labels else "{item}", "label", label))
            for label, item in zip(labels or " " * len(shown), shown, strict=True)
        ]
        slots = self._history_slots(history)
        slots |= {"candidates": "\n".join(lines), "n": str(len(shown)), "labels": ", ".join(labels)}
        slots["answer"] = fill(self.prompt.answers[self.options["strategy"]].strip(), slots)
        content = fill(self.prompt.user, slots)
        system = (("system", fill(self.prompt.system, slots)),) if self.prompt.system else ()
        return (*system, ("user", content)), len(content) - len(slots["candidates"])

    def _history_slots(self, history):
        lines = [
            self.texts[item].join(_around_item(self.prompt.history_line, "number", str(number)))
            for number, item in enumerate(history, 1)
        ]
        return {
            "history": "\n".join(lines) or "(nothing yet)",
            "earlier": "\n".join(lines[:-1]) or "(nothing yet)",
            "latest": self.texts[history[-1]] if len(history) else "(nothing yet)",
        }


@functools.cache
def ranking_schema(labels):
    """Return the JSON schema of a ranking of `labels`, as JSON. A schema cannot require a permutation."""
    entries = {"type": "array", "items": {"type": "string", "enum": list(labels)}}
    schema = {
        "type": "object",
        "properties": {"ranking": entries},
        "required": ["ranking"],
        "additionalProperties": False,
    }
    return json.dumps(schema)
