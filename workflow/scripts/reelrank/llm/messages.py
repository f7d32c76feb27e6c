"""Requests to a language model, and its answers."""

import hashlib
import json
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Request:
    """One request, in the form that every client takes.

    Attributes
    ----------
    kind : {'text', 'choice'}
        Generate a text, or return the log-probabilities of the first token.
    messages : tuple of (str, str)
        Role and content.
    max_tokens : int
    temperature : float or None
        None uses the server's default.
    seed : int or None
    choices : tuple of str
        For ``choice``: the labels whose probabilities are requested.
    schema : str or None
        JSON schema for the text, as JSON, if the server supports it.
    top_logprobs : int
        How many log-probabilities of the first token are requested.
    shared : int
        Number of characters at the start of the last message that other requests about the
        same list have too; 0 if the client does not use it. A model in this process computes
        them in a separate pass, which changes the last bits of its answer.
    """

    kind: str
    messages: tuple
    max_tokens: int = 1
    temperature: float | None = 0.0
    seed: int | None = None
    choices: tuple = ()
    schema: str | None = None
    top_logprobs: int = 0
    shared: int = 0

    def key(self, identity):
        """Return 40 hexadecimal digits that identify everything that can change the answer.

        Parameters
        ----------
        identity : str
            JSON that identifies the answering model: client, model, revision, address.
        """
        values = [getattr(self, name) for name in _NAMES]
        # Keys must not change between versions, since answers are paid for. Earlier versions had an empty list
        # here, and nothing after it if `shared` is 0.
        text = _ENCODE([identity, [*values, [], self.shared] if self.shared else [*values, []]])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]

    def size(self):
        """Return the size of the whole request, in bytes of UTF-8."""
        texts = [content for _, content in self.messages] + [self.schema or ""]
        return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


#: Of requests, and how they are written for their key.
_NAMES = tuple(field.name for field in fields(Request) if field.name != "shared")
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass
class Answer:
    """One answer.

    Attributes
    ----------
    text : str
    finish_reason : str
        The server's value (``stop``, ``length``, ``content_filter``), or empty.
    logprobs : list or None
        For ``choice``: pairs of token and log-probability of the first token.
    input_tokens, output_tokens : int
    model, fingerprint : str
        Names that the server gives.
    latency_s : float
    attempt : int
        Number of the successful attempt, from 1.
    """

    text: str = ""
    finish_reason: str = ""
    logprobs: list | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    model: str = ""
    fingerprint: str = ""
    latency_s: float = 0.0
    attempt: int = 1
