"""The config as the report shows it: without secrets and local paths."""

import re
from pathlib import PurePath, PureWindowsPath
from urllib.parse import urlsplit, urlunsplit

import yaml

from reelrank.config.added import NOTED, is_added

#: Keys whose value may be a secret. Names of environment variables are not secrets.
SECRET = re.compile(r"(^|_)(key|token|secret|password|authorization)s?$", re.IGNORECASE)


def shown_config(config):
    """Return the completed config for readers, without secrets, local folders and keys that the workflow added.

    Rungs of ladders and controls are left out, because the workflow makes them again; ``runs`` belongs to `compare`.
    """
    config = {key: value for key, value in config.items() if key != "runs"}
    added = {
        section: {name for name, block in config[section].items() if is_added(name, block)}
        for section in ("rerankers", "models", "encoders")
    }
    for section, names in added.items():
        config[section] = {
            name: {key: value for key, value in block.items() if key not in NOTED}
            for name, block in config[section].items()
            if name not in names
        }
    for block in config["rerankers"].values():
        if "signals" in block and block["signals"] is not None:
            block["signals"] = [name for name in block["signals"] if name not in added["rerankers"]]
    run = {key: [name for name in config["run"][key] if name not in added[section]] for key, section in RUN.items()}
    config["run"] = {**config["run"], **run}
    return _shown(config)


#: Lists of names in ``run``, and the section that each names.
RUN = {"rerankers": "rerankers", "base_models": "models"}


def _shown(value, key=""):
    if isinstance(value, dict):
        return {name: _shown(each, str(name)) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(each, key) for each in value]
    if not isinstance(value, str):
        return value
    if SECRET.search(key) and not key.endswith("_variable"):
        return "(not shown)"
    return shown_text(value)


def shown_text(text):
    """Return a text without user, password and query of a URL; an absolute path becomes its last part."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        parts = urlsplit(text)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    if text.startswith(("/", "~")) or PureWindowsPath(text).is_absolute():
        last = PureWindowsPath(text).name or PurePath(text).name
        return f"(folder of the machine)/{last}"
    return text


def to_yaml(config):
    """Return a config as YAML; keys keep their order."""
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=100)
