"""What is asked of a language model and what it answers."""

import hashlib
import json
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Request:
    """One request, as every client understands it.

    Attributes
    ----------
    kind : {'text', 'choice'}
        Generate a text, or give the log-probabilities of the first token.
    messages : tuple of (str, str)
        Role and content.
    max_tokens : int
    temperature : float or None
        None leaves it to the server.
    seed : int or None
    choices : tuple of str
        For ``choice``: the labels whose probabilities are wanted.
    schema : str or None
        JSON schema that the text must keep, as JSON, where the server can.
    top_logprobs : int
        How many of the first token's log-probabilities are wanted.
    shared : int
        Characters at the start of the last message that other requests about the same
        list have as well; 0 where the client has no use for it. A model in this process
        computes them by themselves, which shows in the last bits of its answer.
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
        """Return 40 hexadecimal digits that stand for all that can change the answer.

        Parameters
        ----------
        identity : str
            JSON of who answers: client, model, revision, address.
        """
        values = [getattr(self, name) for name in _NAMES]
        # Keys must stay those of earlier versions, since answers are paid for: these had an empty list here, and
        # nothing after it where `shared` is 0.
        text = _ENCODE([identity, [*values, [], self.shared] if self.shared else [*values, []]])
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]

    def size(self):
        """Return the length of everything that is sent, in bytes of UTF-8."""
        texts = [content for _, content in self.messages] + [self.schema or ""]
        return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


#: Of requests, and how they are written for their key.
_NAMES = tuple(field.name for field in fields(Request) if field.name != "shared")
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@dataclass
class Answer:
    """What came back.

    Attributes
    ----------
    text : str
    finish_reason : str
        As the server says it (``stop``, ``length``, ``content_filter``), or empty.
    logprobs : list or None
        For ``choice``: pairs of token and log-probability of the first token.
    input_tokens, output_tokens : int
    model, fingerprint : str
        As the server names itself.
    latency_s : float
    attempt : int
        Which attempt was answered, from 1.
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
