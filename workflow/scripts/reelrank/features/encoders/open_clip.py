"""Pretrained CLIP models of the open_clip library, by architecture and weights."""

from reelrank.errors import InputError
from reelrank.features.clip import Clip, build
from reelrank.hardware import pick_device


class Encoder(Clip):
    """A CLIP with pretrained weights.

    Parameters
    ----------
    name : str
        The encoder's name in the config.
    options : dict
        Options of the type `open_clip`.

    Raises
    ------
    InputError
        If no weights are named, or they cannot be loaded.
    """

    def __init__(self, name, options):
        architecture, pretrained = options["architecture"], options["pretrained"]
        brings = isinstance(architecture, str) and architecture.startswith(("hf-hub:", "local-dir:"))
        if pretrained is None and not brings:
            raise InputError(
                f"config key encoders.{name}.pretrained: found null; expected a tag or a checkpoint file, since "
                "an untrained model is useless"
            )
        model, tokenizer = build(name, architecture, pretrained)
        super().__init__(model, tokenizer, pick_device())
        self.pooling = options["pooling"]
        self.description = {
            "model": architecture if isinstance(architecture, str) else "CLIP of own sizes",
            "source": "checkpoint or tag",
            "revision": pretrained,
            "precision": self.precision,
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
        }
