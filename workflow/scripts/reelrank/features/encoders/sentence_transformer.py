"""Text encoders of the sentence-transformers library (Reimers & Gurevych, EMNLP 2019)."""

import importlib.util
import logging
import re
from importlib import metadata
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from reelrank.errors import InputError, suggest
from reelrank.hardware import pick_device
from reelrank.progress import Progress

#: Texts per forward pass.
BATCH_SIZE = 128

#: Texts are cut to this many characters, which is more than fits into the context of any of these models.
MAX_CHARACTERS = 10_000

#: Models that are known to work: suggestions for a mistyped name.
KNOWN_MODELS = (
    "sentence-transformers/all-MiniLM-L6-v2",
    "sentence-transformers/all-MiniLM-L12-v2",
    "sentence-transformers/all-mpnet-base-v2",
    "sentence-transformers/all-distilroberta-v1",
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2",
    "intfloat/e5-small-v2",
    "intfloat/e5-base-v2",
    "intfloat/multilingual-e5-small",
    "BAAI/bge-m3",
)


class Encoder:
    """A sentence-transformers model from a Python package, a folder or the Hugging Face hub.

    Parameters
    ----------
    name : str
        The encoder's name in the config.
    options : dict
        Options of the type `sentence_transformer`. If ``package`` is installed, the model is loaded from it and not
        from the hub.

    Raises
    ------
    InputError
        If the model cannot be loaded, or `package` does not contain `model`.
    """

    def __init__(self, name, options):
        model, revision = options["model"], options["revision"]
        source, origin = _locate(name, model, options["package"], revision)
        device = pick_device()
        try:
            self.model = SentenceTransformer(source, revision=revision, device=str(device))
        except (OSError, ValueError) as error:
            known = [known for known in KNOWN_MODELS if known != model]
            nearest = "" if model in KNOWN_MODELS else f"; {suggest(model, known)}"
            raise InputError(
                f"config key encoders.{name}.model: {model!r} could not be loaded ({type(error).__name__}); expected a "
                "model of the Hugging Face hub (with a network), or a local folder that holds one: "
                f"encoders.{name}.model: FOLDER{nearest}"
            ) from error
        if device.type == "cuda":
            self.model.half()
        self.prefixes = {"passage": options["passage_prefix"], "query": options["query_prefix"]}
        self.description = {
            "model": model,
            "source": origin,
            "revision": revision,
            "passage_prefix": options["passage_prefix"],
            "query_prefix": options["query_prefix"],
            "precision": "float16" if device.type == "cuda" else "float32",
            "parameters": sum(parameter.numel() for parameter in self.model.parameters()),
        }

    def encode(self, texts, role="passage"):
        """Return unit vectors of `texts`, ``(n, dimension)`` float32; `role` is ``passage`` or ``query``."""
        prefix = self.prefixes[role]
        with Progress("encoding", -(-len(texts) // BATCH_SIZE), "batches") as progress:
            # The library sorts all texts into batches and reports no progress, so calls of the first layer are counted.
            hook = self.model[0].register_forward_hook(lambda *_: progress.advance())
            try:
                vectors = self.model.encode(
                    [prefix + text[:MAX_CHARACTERS] for text in texts],
                    batch_size=BATCH_SIZE,
                    normalize_embeddings=True,
                    show_progress_bar=False,
                    convert_to_numpy=True,
                )
            finally:
                hook.remove()
        return vectors.astype(np.float32)


def _locate(name, model, package, revision):
    """Return what to load and its source: a package (with its version), a folder, or the hub."""
    if Path(model).is_dir():
        return model, "folder"
    spec = importlib.util.find_spec(package) if package else None
    if spec and spec.submodule_search_locations:
        _check_package(name, model, package, revision)
        folder = Path(spec.submodule_search_locations[0]) / "model"
        if (folder / "modules.json").is_file():
            version = metadata.version(package.replace("_", "-"))
            logging.info("%s: loaded from the package %s %s", model, package, version)
            return str(folder), f"package {package} {version}"
    return model, "hub"


def _check_package(name, model, package, revision):
    """Raise `InputError` if the package's name does not contain the model's, or if a hub revision is set as well."""
    plain = re.sub(r"[^a-z0-9]", "", model.rpartition("/")[2].lower())
    if plain not in re.sub(r"[^a-z0-9]", "", package.lower()):
        raise InputError(f"config key encoders.{name}.package: {package!r} does not contain {model!r}; set it to null")
    if revision is not None:
        raise InputError(
            f"config key encoders.{name}.revision: found {revision!r}; expected null, since a package has no revisions"
        )
