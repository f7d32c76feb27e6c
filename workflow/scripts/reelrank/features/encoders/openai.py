"""Text embeddings of OpenAI (text-embedding-3-small, ...) and of any endpoint that speaks its protocol."""

import os

import numpy as np
import openai

from reelrank.errors import InputError
from reelrank.features.vector_cache import VectorCache, encode_through_cache

#: Characters of a text that are sent: fewer tokens than the 8,191 that the models take, for nearly every script.
MAX_CHARACTERS = 8000


#: Address that is asked where the config names none; a variable of the environment must not decide it unseen.
OPENAI_URL = "https://api.openai.com/v1"


class Encoder:
    """An OpenAI-compatible embedding endpoint; what it answered is kept in the request cache.

    Parameters
    ----------
    name : str
        The encoder's name in the config.
    model : str
    base_url : str, optional
        Address of the endpoint; None is OpenAI's.
    api_key_env : str, optional
        The environment variable that holds the key; None where the endpoint wants none.
    dimensions : int, optional
        Asked of the endpoint; None leaves the model's own.
    passage_prefix, query_prefix : str
        As of a sentence-transformers encoder.
    batch_size, retries : int
        Texts in a request, and tries after a failed one.
    timeout_s : float
        Of one request, in seconds.

    Raises
    ------
    InputError
        If the key is missing, or the endpoint refuses or cannot be reached.
    """

    def __init__(
        self,
        name,
        model,
        base_url=None,
        api_key_env="OPENAI_API_KEY",
        dimensions=None,
        passage_prefix="",
        query_prefix="",
        batch_size=256,
        retries=6,
        timeout_s=60.0,
    ):
        self.name, self.model, base_url = name, model, base_url or OPENAI_URL
        self.key_variable = api_key_env
        self.options = {"dimensions": dimensions} if dimensions else {}
        self.client_options = {"base_url": base_url, "max_retries": retries, "timeout": timeout_s}
        self.client = None
        self.batch_size = batch_size
        self.prefixes = {"passage": passage_prefix, "query": query_prefix}
        self.cache = VectorCache({"base_url": base_url, "model": model, "dimensions": dimensions})
        self.description = {
            "model": model,
            "source": base_url,
            "revision": None,
            "passage_prefix": passage_prefix,
            "query_prefix": query_prefix,
        }

    def encode(self, texts, role="passage"):
        """Return unit vectors of `texts`, ``(n, dimension)`` float32; `role` is ``passage`` or ``query``."""
        sent = [(self.prefixes[role] + text)[:MAX_CHARACTERS] for text in texts]
        return encode_through_cache(sent, self.cache, self._fetch, self.batch_size)

    def _fetch(self, batch):
        where = f"config key encoders.{self.name}"
        try:
            answer = self._connected().embeddings.create(
                model=self.model, input=batch, encoding_format="float", **self.options
            )
        except openai.OpenAIError as error:
            raise InputError(
                f"{where}: {self.model!r} at {self.client_options['base_url'] or 'OpenAI'} gave no vectors "
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
                    f"config key encoders.{self.name}.api_key_env: the environment variable {self.key_variable!r} is "
                    "not set; expected it to hold the key"
                )
            self.client = openai.OpenAI(api_key=key, **self.client_options)
        return self.client
