"""Prompts of the shipped config, for tests."""

from pathlib import Path

import yaml

from reelrank.config.prompts import build_prompt

CONFIG = Path(__file__).parents[2] / "config"


def prompt(name):
    """Return a shipped prompt."""
    return build_prompt(name, yaml.safe_load((CONFIG / "prompts" / f"{name}.yaml").read_text(encoding="utf-8")))
