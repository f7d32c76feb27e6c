"""The CLIP that the rule train_clip trains on the dataset's own covers and titles."""

import hashlib
from pathlib import Path

from reelrank.errors import InputError
from reelrank.features.clip import Clip, build, load_weights
from reelrank.hardware import pick_device


class Encoder(Clip):
    """A CLIP with weights that this run trained.

    Parameters
    ----------
    name : str
        The encoder's name in the config.
    options : dict
        Options of the type `dataset_clip`, and ``weights``: the file that train_clip wrote.
    """

    def __init__(self, name, options):
        weights = options.get("weights")
        if weights is None:
            raise InputError(f"config key encoders.{name}: found no weights; the rule train_clip makes them")
        model, tokenizer = build(name, options["architecture"])
        load_weights(model, weights, f"config key encoders.{name}.architecture")
        super().__init__(model, tokenizer, pick_device())
        self.pooling = options["pooling"]
        self.description = {
            "model": "CLIP trained on the dataset",
            "source": "train_clip",
            "revision": "sha256:" + hashlib.sha256(Path(weights).read_bytes()).hexdigest()[:16],
            "precision": self.precision,
        }
