"""Text encoders of the sentence-transformers library (Reimers & Gurevych, EMNLP 2019)."""

import importlib.util
import logging
import re
from importlib import metadata
from pathlib import Path

import numpy as np
from sentence_transformers import SentenceTransformer

from reelrank.errors import InputError
from reelrank.hardware import pick_device

#: Texts per forward pass.
BATCH_SIZE = 128


class Encoder:
    """A sentence-transformers model from a Python package, a folder or the Hugging Face hub.

    Parameters
    ----------
    name : str
        The encoder's name in the config.
    model : str
        Hub name (``sentence-transformers/all-MiniLM-L6-v2``) or a local folder.
    package : str, optional
        A Python package that carries the model in its folder ``model``; used instead
        of the hub where it is installed.
    revision : str, optional
        Commit of the hub's repository.
    prefix : str
        Put before every text (e5 models want ``query: ``).

    Raises
    ------
    InputError
        If the model cannot be loaded, or if `package` is not that of `model`.
    """

    def __init__(self, name, model, package=None, revision=None, prefix=""):
        source, origin = _locate(name, model, package, revision)
        try:
            self.model = SentenceTransformer(source, revision=revision, device=str(pick_device()))
        except (OSError, ValueError) as error:
            raise InputError(
                f"config key encoders.{name}.model: {model!r} could not be loaded ({type(error).__name__}); expected a "
                "model of the Hugging Face hub (with a network) or a local folder that holds one"
            ) from error
        self.prefix = prefix
        self.description = {"model": model, "source": origin, "revision": revision, "prefix": prefix}

    def encode(self, texts):
        """Return unit vectors of `texts`, ``(n, dimension)`` float32."""
        return self.model.encode(
            [self.prefix + text for text in texts],
            batch_size=BATCH_SIZE,
            normalize_embeddings=True,
            show_progress_bar=False,
            convert_to_numpy=True,
        ).astype(np.float32)


def _locate(name, model, package, revision):
    """Return what to load and where it comes from: the package (with its version), a folder, or the hub."""
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
    """Refuse a package whose name does not hold the model's, or one beside a revision of the hub."""
    plain = re.sub(r"[^a-z0-9]", "", model.rpartition("/")[2].lower())
    if plain not in re.sub(r"[^a-z0-9]", "", package.lower()):
        raise InputError(f"config key encoders.{name}.package: {package!r} does not carry {model!r}; set it to null")
    if revision is not None:
        raise InputError(f"config key encoders.{name}.revision: a package has none; found {revision!r}, expected null")
