"""Text embeddings from OpenAI (text-embedding-3-small, ...) or any endpoint with the same API."""

import os

import numpy as np
import openai

from reelrank.errors import InputError
from reelrank.features.vector_cache import VectorCache, encode_through_cache

#: Texts are cut to this many characters before they are sent. In nearly every script this is below the models' limit
#: of 8,191 tokens.
MAX_CHARACTERS = 8000

#: Texts per request.
BATCH_SIZE = 256

#: Attempts per request, and the timeout of one attempt (seconds).
MAX_ATTEMPTS, TIMEOUT_S = 7, 60.0

#: Address if the config names none. It is set here so that the client does not take one from the environment.
OPENAI_URL = "https://api.openai.com/v1"


class Encoder:
    """An OpenAI-compatible embedding endpoint; answers are kept in the request cache.

    Parameters
    ----------
    name : str
        The encoder's name in the config.
    options : dict
        Options of the type `openai`.

    Raises
    ------
    InputError
        If the key is missing, or the endpoint refuses or cannot be reached.
    """

    def __init__(self, name, options):
        self.name, self.model, self.key_variable = name, options["model"], options["key_variable"]
        base_url, dimensions = options["base_url"] or OPENAI_URL, options["dimensions"]
        self.asked = {"dimensions": dimensions} if dimensions else {}
        self.client_options = {"base_url": base_url, "max_retries": MAX_ATTEMPTS - 1, "timeout": TIMEOUT_S}
        self.client = None
        self.prefixes = {"passage": options["passage_prefix"], "query": options["query_prefix"]}
        self.cache = VectorCache({"base_url": base_url, "model": self.model, "dimensions": dimensions})
        self.description = {
            "model": self.model,
            "source": base_url,
            "revision": None,
            "passage_prefix": options["passage_prefix"],
            "query_prefix": options["query_prefix"],
        }

    def encode(self, texts, role="passage"):
        """Return unit vectors of `texts`, ``(n, dimension)`` float32; `role` is ``passage`` or ``query``."""
        sent = [(self.prefixes[role] + text)[:MAX_CHARACTERS] for text in texts]
        return encode_through_cache(sent, self.cache, self._fetch, BATCH_SIZE)

    def _fetch(self, batch):
        where = f"config key encoders.{self.name}"
        try:
            answer = self._connected().embeddings.create(
                model=self.model, input=batch, encoding_format="float", **self.asked
            )
        except openai.OpenAIError as error:
            raise InputError(
                f"{where}: {self.model!r} at {self.client_options['base_url']} gave no vectors "
                f"({type(error).__name__}: {error}); expected a reachable endpoint, a model that it offers and a "
                "valid key"
            ) from error
        rows = sorted(answer.data, key=lambda row: row.index)
        if [row.index for row in rows] != list(range(len(batch))):
            raise InputError(f"{where}: found {len(rows)} vectors for {len(batch)} texts; expected one per text")
        return np.array([row.embedding for row in rows], np.float32)

    def _connected(self):
        """Return the client; the key is read only when a request must be sent."""
        if self.client is None:
            key = os.environ.get(self.key_variable) if self.key_variable else "none"
            if not key:
                raise InputError(
                    f"config key encoders.{self.name}.key_variable: the environment variable {self.key_variable!r} is "
                    "not set; set it to your key"
                )
            self.client = openai.OpenAI(api_key=key, **self.client_options)
        return self.client
