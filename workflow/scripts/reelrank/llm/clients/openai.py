"""OpenAI, and every server with its chat API (vLLM, the Hugging Face router, llama.cpp, ...)."""

import json

import openai

from reelrank.config.addresses import third_party
from reelrank.llm.clients import Capabilities, TransientError, failure, read_key
from reelrank.llm.messages import Answer

ADDRESS = "https://api.openai.com/v1"


class Client:
    """A chat client without its own retries, because the journal must count every attempt."""

    capabilities = Capabilities(logprobs=True, structured=True)

    def __init__(self, chat_model):
        self.name, self.model, own_address = chat_model["name"], chat_model["model"], chat_model["base_url"]
        self.address = own_address or ADDRESS
        self.identity = {"client": "openai", "model": self.model, "base_url": self.address}
        self.third_party = third_party(self.address)
        # The provider's key is sent only to the provider. Another server gets the key that the config names, or none.
        self.key_variable = chat_model["key_variable"] or (None if own_address else "OPENAI_API_KEY")
        self._key = read_key(self.name, self.key_variable, needed=False)
        self._limit = "max_completion_tokens" if own_address is None else "max_tokens"
        self._client = openai.AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self.address,
            organization="" if own_address else None,
            max_retries=0,
            timeout=chat_model["timeout_s"],
        )

    def _arguments(self, request):
        arguments = {
            "model": self.model,
            "messages": [{"role": role, "content": content} for role, content in request.messages],
            self._limit: request.max_tokens,
        }
        if request.temperature is not None:
            arguments["temperature"] = request.temperature
        if request.seed is not None:
            arguments["seed"] = request.seed
        if request.top_logprobs:
            arguments |= {"logprobs": True, "top_logprobs": request.top_logprobs}
        if request.schema:
            schema = {"name": "answer", "strict": True, "schema": json.loads(request.schema)}
            arguments["response_format"] = {"type": "json_schema", "json_schema": schema}
        return arguments

    def check_key(self):
        """Raise `InputError` if a key is needed and not set; cached answers need no key."""
        read_key(self.name, self.key_variable, needed=self.third_party is not None and self.key_variable is not None)

    async def complete(self, request):
        """Return the `Answer` to a request; raise `TransientError` or `InputError`."""
        try:
            found = await self._client.chat.completions.create(**self._arguments(request))
        except openai.APITimeoutError:
            raise TransientError("timed out", outcome_unknown=True) from None
        except openai.APIConnectionError as error:
            # Only if the connection was refused is it certain that the server got no request.
            refused = "connect" in type(error.__cause__).__name__.lower()
            raise TransientError("the connection failed", outcome_unknown=not refused) from None
        except openai.APIStatusError as error:
            raise failure(
                self.name, error.status_code, error.response.headers, error.response.text, self.key_variable, self._key
            ) from None
        except (openai.APIError, ValueError) as error:
            raise TransientError(f"a malformed answer ({type(error).__name__})", outcome_unknown=True) from None
        return answer_of(found)

    async def close(self):
        """Close the connections."""
        await self._client.close()


def answer_of(found):
    """Return the `Answer` in a chat completion; raise `TransientError` if there is none."""
    try:
        choice = found.choices[0]
        message, usage = choice.message, found.usage
        content = message.content
    except (AttributeError, IndexError, TypeError):
        raise TransientError("a malformed answer (no choices)", outcome_unknown=True) from None
    refusal = getattr(message, "refusal", None)
    entries = getattr(getattr(choice, "logprobs", None), "content", None)
    logprobs = [[one.token, one.logprob] for one in entries[0].top_logprobs] if entries else None
    return Answer(
        text=content or refusal or "",
        finish_reason="refusal" if refusal else choice.finish_reason or "",
        logprobs=logprobs or None,
        input_tokens=getattr(usage, "prompt_tokens", 0) or 0,
        output_tokens=getattr(usage, "completion_tokens", 0) or 0,
        model=getattr(found, "model", "") or "",
        fingerprint=getattr(found, "system_fingerprint", "") or "",
    )
