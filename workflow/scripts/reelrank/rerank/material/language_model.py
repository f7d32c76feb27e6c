"""The language model that the block names, loaded in this process."""

from reelrank.hardware import make_deterministic
from reelrank.llm.local.model import LocalModel


def load(inputs, settings, data):
    """Return a `reelrank.llm.local.model.LocalModel`."""
    make_deterministic(settings["threads"], seed=0)
    return LocalModel(f"language_models.{settings['language_model']}", **settings["source"])
