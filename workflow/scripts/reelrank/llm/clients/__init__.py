"""Clients of language models behind one small interface.

A client's file defines ``Client``, built from a complete block of ``chat_models``. It has

- ``identity``: a dict of all that tells one answering model from another;
- ``third_party``: the host that prompts are sent to, or None if they stay on this machine;
- ``capabilities``: what it claims, to be checked by `probe`;
- ``check_key()``, which raises `InputError` if a key is needed and not there: called before anything is sent;
- ``async complete(request) -> Answer``, which raises `TransientError` or `InputError`;
- ``async close()``.
"""

import importlib
import json
import os
import secrets
from dataclasses import dataclass, fields, replace

from reelrank.errors import InputError
from reelrank.llm.messages import Request
from reelrank.retries import retry_after

CLIENTS = ("openai", "huggingface", "transformers")

#: Statuses after which the same request may succeed; all from 500 on as well.
RETRIED = (408, 409, 425, 429)

#: Codes of a 429 that waiting does not mend.
SPENT = ("insufficient_quota", "billing_hard_limit_reached")

#: Seconds that are waited at most because a server says so.
LONGEST_WAIT_S = 600.0


class TransientError(Exception):
    """A failure that may pass.

    Attributes
    ----------
    retry_after_s : float or None
        As the server asks.
    fate_unknown : bool
        Whether the server may have answered (and charged) all the same.
    status : int or None
        Of HTTP, where there was one.
    """

    def __init__(self, message, retry_after_s=None, fate_unknown=False, status=None):
        super().__init__(message)
        self.retry_after_s, self.fate_unknown, self.status = retry_after_s, fate_unknown, status

    @property
    def broke(self):
        """Whether the server answered with an error of its own (5xx)."""
        return self.status is not None and self.status >= 500


class RefusedError(InputError):
    """The server will not answer this request, however often it is asked."""

    def __init__(self, message, status):
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Capabilities:
    """What a server can do.

    Attributes
    ----------
    logprobs : bool
        Gives the log-probabilities of the first token.
    structured : bool
        Keeps a JSON schema.
    all_choices : bool
        Gives the probability of every choice, not only of the most probable tokens.
    """

    logprobs: bool = False
    structured: bool = False
    all_choices: bool = False


def capabilities_of(found):
    """Return the `Capabilities` that a probe found, as a dict; keys of earlier versions do not count."""
    known = {field.name for field in fields(Capabilities)}
    return Capabilities(**{name: value for name, value in found.items() if name in known})


def build_client(chat_model):
    """Return the client of a chat model.

    Parameters
    ----------
    chat_model : dict
        A complete block of ``chat_models``, with its ``name``.
    """
    return importlib.import_module(f"reelrank.llm.clients.{chat_model['client']}").Client(chat_model)


def failure(name, status, headers, detail, key_variable, secret=""):
    """Return the exception of an HTTP status that is no success.

    Parameters
    ----------
    name : str
        The chat model.
    status : int
    headers : mapping of str to str
    detail : str
        What the server says; shown without `secret`, cut, and not at all where the key is wrong.
    key_variable : str or None
        Environment variable of the key, which is named, never shown.
    secret : str
    """
    detail = " ".join(str(detail or "").replace(secret or "\0", "***").split())[:300]
    if status == 429 and any(code in detail for code in SPENT):
        return RefusedError(f"config key chat_models.{name}: HTTP 429, the account's quota is spent: {detail}", status)
    if status in RETRIED or status >= 500:
        return TransientError(f"HTTP {status}", retry_after(headers, LONGEST_WAIT_S), fate_unknown=False, status=status)
    if status in (401, 403):
        return RefusedError(
            f"config key chat_models.{name}: HTTP {status}, the server refuses the key; expected a valid one in the "
            f"environment variable {key_variable or '(none is configured: key_variable)'}",
            status,
        )
    what = {402: "payment required", 404: "no such model or address"}.get(status, "the request is not accepted")
    return RefusedError(f"config key chat_models.{name}: HTTP {status}, {what}: {detail}", status)


async def probe(client, wanted, send, temperature=0.0):
    """Find out by trying what a server really does.

    A server may answer 200 and ignore what it was asked for, so it is asked for
    something that it cannot do by chance: to say a word of its own under a schema that
    admits only a random one.

    Parameters
    ----------
    client : object
    wanted : set of str
        Of ``logprobs``, ``structured``: what the strategy would use.
    send : callable
        ``await send(request)`` gives the answer, or raises `RefusedError` or `TransientError`.
    temperature : float or None
        As the questions will say it: some models accept their own alone.

    Returns
    -------
    Capabilities
        What is claimed and confirmed.
    """
    found = client.capabilities
    messages = (("user", "Reply with the single word hello."),)
    if "logprobs" in wanted and found.logprobs and not found.all_choices:
        request = Request("choice", messages, 1, temperature, choices=("A", "B"), top_logprobs=5)
        answer = await _tried(send, request)
        found = replace(found, logprobs=bool(answer and answer.logprobs))
    if "structured" in wanted and found.structured:
        word = f"w{secrets.token_hex(6)}"
        schema = {
            "type": "object",
            "properties": {"word": {"type": "string", "enum": [word]}},
            "required": ["word"],
            "additionalProperties": False,
        }
        answer = await _tried(send, Request("text", messages, 64, temperature, schema=json.dumps(schema)))
        found = replace(found, structured=bool(answer) and _word(answer.text) == word)
    return found


async def _tried(send, request):
    """Return an answer, or None if the server does not accept the request (llama.cpp: 500 to a schema)."""
    try:
        return await send(request)
    except RefusedError as error:
        if error.status in (400, 422):
            return None
        raise
    except TransientError as error:
        if error.broke:
            return None
        raise


def _word(text):
    try:
        return json.loads(text).get("word")
    except (ValueError, AttributeError):
        return None


def read_key(name, variable, needed):
    """Return the key in an environment variable.

    Raises
    ------
    InputError
        If it is needed and not set.
    """
    value = os.environ.get(variable, "").strip() if variable else ""
    if not value and needed:
        raise InputError(
            f"config key chat_models.{name}.key_variable: the environment variable {variable} is not set; "
            "expected the key of the service in it"
        )
    return value
