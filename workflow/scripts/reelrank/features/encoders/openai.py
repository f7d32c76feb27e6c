"""Text embeddings of OpenAI (text-embedding-3-small, ...) and of any endpoint that speaks its protocol."""

import os

import numpy as np
import openai

from reelrank.errors import InputError
from reelrank.features.vector_cache import VectorCache, encode_through_cache

#: Characters of a text that are sent: fewer tokens than the 8,191 that the models take, for nearly every script.
MAX_CHARACTERS = 8000

#: Texts in a request.
BATCH_SIZE = 256

#: Attempts at a request, and how long one may take (seconds).
MAX_ATTEMPTS, TIMEOUT_S = 7, 60.0

#: Address that is asked where the config names none; a variable of the environment must not decide it unseen.
OPENAI_URL = "https://api.openai.com/v1"


class Encoder:
    """An OpenAI-compatible embedding endpoint; what it answered is kept in the request cache.

    Parameters
    ----------
    name : str
        The encoder's name in the config.
    options : dict
        Those of the type `openai`.

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
                f"({type(error).__name__}: {error}); expected an endpoint that can be reached, a model that it has and "
                "a key that it takes"
            ) from error
        rows = sorted(answer.data, key=lambda row: row.index)
        if [row.index for row in rows] != list(range(len(batch))):
            raise InputError(f"{where}: found {len(rows)} vectors for {len(batch)} texts; expected one each")
        return np.array([row.embedding for row in rows], np.float32)

    def _connected(self):
        """Return the client; the key is only looked for when something must be asked."""
        if self.client is None:
            key = os.environ.get(self.key_variable) if self.key_variable else "none"
            if not key:
                raise InputError(
                    f"config key encoders.{self.name}.key_variable: the environment variable {self.key_variable!r} is "
                    "not set; expected it to hold the key"
                )
            self.client = openai.OpenAI(api_key=key, **self.client_options)
        return self.client
