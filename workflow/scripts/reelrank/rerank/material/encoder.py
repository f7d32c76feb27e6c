"""The text encoder of the block's first feature, which encodes texts of histories."""

from reelrank.features.encoders import build_encoder
from reelrank.hardware import make_deterministic


def load(inputs, settings, data):
    """Return the encoder, an object with ``encode(texts, role)``."""
    make_deterministic(settings["threads"], seed=0)
    name, _, block = settings["features"][0]
    return build_encoder(name, block, inputs.get("encoder_weights"))
