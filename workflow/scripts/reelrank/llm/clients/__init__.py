"""Clients of language models with one small interface.

A client's file defines ``Client``, built from a complete block of ``chat_models``. It has

- ``identity``: a dict that identifies the model that answers;
- ``third_party``: the host that receives prompts, or None if they stay on this machine;
- ``capabilities``: claimed capabilities, which `probe` checks;
- ``check_key()``, which raises `InputError` if a required key is missing; called before anything is sent;
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

#: HTTP statuses after which a retry may succeed; 500 and above count as well.
RETRIED = (408, 409, 425, 429)

#: Error codes of a 429 for which waiting does not help.
SPENT = ("insufficient_quota", "billing_hard_limit_reached")

#: Maximum wait that a server can ask for, in seconds.
LONGEST_WAIT_S = 600.0


class TransientError(Exception):
    """A temporary failure.

    Attributes
    ----------
    retry_after_s : float or None
        Wait that the server asks for.
    outcome_unknown : bool
        Whether the server may have answered (and charged) anyway.
    status : int or None
        HTTP status, if there was one.
    """

    def __init__(self, message, retry_after_s=None, outcome_unknown=False, status=None):
        super().__init__(message)
        self.retry_after_s, self.outcome_unknown, self.status = retry_after_s, outcome_unknown, status

    @property
    def broke(self):
        """Whether the server had an internal error (5xx)."""
        return self.status is not None and self.status >= 500


class RefusedError(InputError):
    """The server permanently refuses this request."""

    def __init__(self, message, status):
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Capabilities:
    """The capabilities of a server.

    Attributes
    ----------
    logprobs : bool
        Gives the log-probabilities of the first token.
    structured : bool
        Obeys a JSON schema.
    all_choices : bool
        Gives the probability of every choice, not only for the most probable tokens.
    """

    logprobs: bool = False
    structured: bool = False
    all_choices: bool = False


def capabilities_of(found):
    """Return the `Capabilities` in the dict that a probe saved; unknown keys of earlier versions are ignored."""
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
    """Return the exception for an HTTP error status.

    Parameters
    ----------
    name : str
        Name of the chat model.
    status : int
    headers : mapping of str to str
    detail : str
        Message of the server; shown shortened and without `secret`, and not at all if the key is wrong.
    key_variable : str or None
        Environment variable with the key; the error names the variable and never shows the key.
    secret : str
    """
    detail = " ".join(str(detail or "").replace(secret or "\0", "***").split())[:300]
    if status == 429 and any(code in detail for code in SPENT):
        return RefusedError(f"config key chat_models.{name}: HTTP 429, the account's quota is spent: {detail}", status)
    if status in RETRIED or status >= 500:
        return TransientError(
            f"HTTP {status}", retry_after(headers, LONGEST_WAIT_S), outcome_unknown=False, status=status
        )
    if status in (401, 403):
        return RefusedError(
            f"config key chat_models.{name}: HTTP {status}, the server refuses the key; expected a valid one in the "
            f"environment variable {key_variable or '(none is configured: key_variable)'}",
            status,
        )
    what = {402: "payment required", 404: "no such model or address"}.get(status, "the request is not accepted")
    return RefusedError(f"config key chat_models.{name}: HTTP {status}, {what}: {detail}", status)


async def probe(client, wanted, send, temperature=0.0):
    """Test the capabilities of a server.

    A server may answer 200 and ignore a feature. So the probe asks for something that cannot
    succeed by chance: the prompt asks for one word, but the schema allows only a random
    other word.

    Parameters
    ----------
    client : object
    wanted : set of str
        Capabilities that the strategy would use: ``logprobs``, ``structured``.
    send : callable
        ``await send(request)`` returns the answer, or raises `RefusedError` or `TransientError`.
    temperature : float or None
        The temperature of the questions: some models accept only their default.

    Returns
    -------
    Capabilities
        The claimed capabilities that were confirmed.
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
    """Return an answer, or None if the server rejects the request (llama.cpp: status 500 for a schema)."""
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
    """Return the key from an environment variable.

    Raises
    ------
    InputError
        If the key is needed and not set.
    """
    value = os.environ.get(variable, "").strip() if variable else ""
    if not value and needed:
        raise InputError(
            f"config key chat_models.{name}.key_variable: the environment variable {variable} is not set; "
            "set it to the key of the service"
        )
    return value
