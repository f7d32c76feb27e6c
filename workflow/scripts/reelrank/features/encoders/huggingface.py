"""Text embeddings by Hugging Face's inference providers (task feature extraction)."""

import os

import numpy as np
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError, InferenceTimeoutError
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from reelrank.errors import InputError
from reelrank.features.vector_cache import VectorCache, encode_through_cache

#: Texts are cut to this many characters before they are sent; the provider cuts them to its model's context.
MAX_CHARACTERS = 8000

#: Attempts per request, and the timeout of one attempt (seconds).
MAX_ATTEMPTS, TIMEOUT_S = 7, 60.0

#: Longest wait before the second attempt (seconds); it doubles with each further attempt, up to a minute.
RETRY_WAIT_S = 2.0

#: HTTP statuses after which a new attempt may succeed.
TRANSIENT = (408, 409, 425, 429, 500, 502, 503, 504)


class Encoder:
    """Feature extraction, one text per request; answers are kept in the request cache.

    Parameters
    ----------
    name : str
        The encoder's name in the config.
    options : dict
        Options of the type `huggingface`.

    Raises
    ------
    InputError
        If the token is missing, or the provider refuses or cannot be reached.
    """

    def __init__(self, name, options):
        self.name, self.model, self.provider = name, options["model"], options["provider"]
        self.key_variable, self.client = options["key_variable"], None
        self.retrying = Retrying(
            retry=retry_if_exception(_is_transient),
            stop=stop_after_attempt(MAX_ATTEMPTS),
            wait=wait_random_exponential(multiplier=RETRY_WAIT_S, max=60),
            reraise=True,
        )
        self.prefixes = {"passage": options["passage_prefix"], "query": options["query_prefix"]}
        self.cache = VectorCache({"provider": self.provider, "model": self.model})
        self.description = {
            "model": self.model,
            "source": f"Hugging Face, {self.provider}",
            "revision": None,
            "passage_prefix": options["passage_prefix"],
            "query_prefix": options["query_prefix"],
        }

    def encode(self, texts, role="passage"):
        """Return unit vectors of `texts`, ``(n, dimension)`` float32; `role` is ``passage`` or ``query``."""
        sent = [(self.prefixes[role] + text)[:MAX_CHARACTERS] for text in texts]
        return encode_through_cache(sent, self.cache, self._fetch, 1)

    def _fetch(self, batch):
        where = f"config key encoders.{self.name}"
        client = self._connected()
        try:
            vector = self.retrying.copy()(client.feature_extraction, batch[0], model=self.model)
        except Exception as error:
            if not (_is_http(error) or isinstance(error, (OSError, InferenceTimeoutError, ValueError))):
                raise
            raise InputError(
                f"{where}: {self.model!r} by {self.provider} gave no vector ({type(error).__name__}: {error}); "
                "expected a reachable provider, a model that it offers and a valid token"
            ) from error
        vector = np.asarray(vector, np.float32)
        if vector.ndim > 1:
            vector = vector.reshape(-1, vector.shape[-1]).mean(0)  # one vector per token: the text gets their mean
        return vector[None]

    def _connected(self):
        """Return the client; the token is read only when a request must be sent."""
        if self.client is None:
            token = os.environ.get(self.key_variable) if self.key_variable else None
            if self.key_variable and not token:
                raise InputError(
                    f"config key encoders.{self.name}.key_variable: the environment variable {self.key_variable!r} is "
                    "not set; set it to your token"
                )
            self.client = InferenceClient(provider=self.provider, token=token, timeout=TIMEOUT_S)
        return self.client


def _is_http(error):
    """Return whether an error comes from the HTTP library: httpx or httpx2, by the release of huggingface_hub."""
    return any(kind.__module__.partition(".")[0].startswith("httpx") for kind in type(error).__mro__)


def _is_transient(error):
    if isinstance(error, HfHubHTTPError) and error.response is not None:
        return error.response.status_code in TRANSIENT
    return _is_http(error) or isinstance(error, (InferenceTimeoutError, ConnectionError, TimeoutError))
