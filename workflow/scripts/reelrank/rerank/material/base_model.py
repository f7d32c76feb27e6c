"""The trained base model that the block names."""

from pathlib import Path

from reelrank.hardware import make_deterministic, pick_device
from reelrank.models import load_model


def load(inputs, settings, data):
    """Return the model, a `reelrank.models.Recommender`."""
    make_deterministic(settings["threads"], seed=0)
    return load_model(Path(inputs["model"]).parent, pick_device())
