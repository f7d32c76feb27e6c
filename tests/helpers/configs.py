"""Overlays of the default config, completed or refused."""

import copy
from pathlib import Path

import pytest
import yaml
from snakemake.utils import update_config

from reelrank.config import complete as settings
from reelrank.errors import InputError

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "config"

#: What runs where there are no pictures and comments.
ONLY_TITLES = {"base_models": ["pop"], "rerankers": ["identity", "random", "all-MiniLM-L6-v2"]}


def load(path):
    """Return the content of a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def merged(over=None):
    """Return the default config with an overlay, merged as Snakemake does."""
    config = settings.default_config(FOLDER)
    update_config(config, copy.deepcopy(over or {}))
    return config


def completed(over=None):
    """Return the completed config of an overlay."""
    return settings.complete(merged(over), FOLDER)


def refused(over, *fragments):
    """Assert that an overlay is refused with a message that holds the fragments."""
    with pytest.raises(InputError) as caught:
        completed(over)
    for fragment in fragments:
        assert fragment in str(caught.value), str(caught.value)
