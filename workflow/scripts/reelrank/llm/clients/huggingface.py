"""Hugging Face's inference providers, called through huggingface_hub."""

import json

from huggingface_hub import AsyncInferenceClient
from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError, OfflineModeIsEnabled

from reelrank.config.addresses import third_party
from reelrank.errors import InputError
from reelrank.llm.clients import Capabilities, TransientError, failure, read_key
from reelrank.llm.clients.openai import answer_of

#: The hub's client uses one of these, depending on its version; their errors have no common base class.
HTTP_LIBRARIES = ("httpx", "httpx2", "httpcore", "httpcore2")


class Client:
    """Chat through any provider (``provider: auto`` lets the hub route), or through `base_url`."""

    capabilities = Capabilities(logprobs=True, structured=True)

    def __init__(self, chat_model):
        self.name, self.model = chat_model["name"], chat_model["model"]
        self.provider, self.address = chat_model["provider"], chat_model["base_url"]
        self.identity = {
            "client": "huggingface",
            "model": self.model,
            "provider": self.provider,
            "base_url": self.address,
        }
        self.third_party = third_party(self.address) if self.address else f"{self.provider} (Hugging Face)"
        # The provider's key is sent only to the provider. Another server gets the key that the config names, or none.
        self.key_variable = chat_model["key_variable"] or (None if self.address else "HF_TOKEN")
        self._key = read_key(self.name, self.key_variable, needed=False)
        where = {"base_url": self.address} if self.address else {"provider": self.provider}
        self._client = AsyncInferenceClient(token=self._key or "none", timeout=chat_model["timeout_s"], **where)

    def check_key(self):
        """Raise `InputError` if a key is needed and not set; cached answers need no key."""
        read_key(self.name, self.key_variable, needed=self.third_party is not None and self.key_variable is not None)

    async def complete(self, request):
        """Return the `Answer` to a request; raise `TransientError` or `InputError`."""
        arguments = {"max_tokens": request.max_tokens, "temperature": request.temperature, "seed": request.seed}
        if request.top_logprobs:
            arguments |= {"logprobs": True, "top_logprobs": request.top_logprobs}
        if request.schema:
            schema = {"name": "answer", "strict": True, "schema": json.loads(request.schema)}
            arguments["response_format"] = {"type": "json_schema", "json_schema": schema}
        messages = [{"role": role, "content": content} for role, content in request.messages]
        try:
            found = await self._client.chat_completion(messages, model=self.model, **arguments)
        except OfflineModeIsEnabled:
            raise InputError(
                f"config key chat_models.{self.name}.client: huggingface needs a network; unset HF_HUB_OFFLINE"
            ) from None
        except (TimeoutError, InferenceTimeoutError):
            raise TransientError("timed out", outcome_unknown=True) from None
        except HfHubHTTPError as error:
            response = error.response
            raise failure(
                self.name, response.status_code, response.headers, response.text, self.key_variable, self._key
            ) from None
        except (OSError, ValueError) as error:
            raise TransientError(f"a malformed answer ({type(error).__name__})", outcome_unknown=True) from None
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in HTTP_LIBRARIES:
                raise
            refused = "connect" in type(error).__name__.lower()
            raise TransientError(
                f"the connection failed ({type(error).__name__})", outcome_unknown=not refused
            ) from None
        return answer_of(found)

    async def close(self):
        """Close the connections."""
        await self._client.close()
