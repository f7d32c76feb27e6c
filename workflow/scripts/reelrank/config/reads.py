"""What the signals of a run are made of. Twins are built from this, never from names.

A type declares in its schema entry what it reads (`reelrank.config.schema.READS`); what the block names
adds to it: an encoder its texts or pictures, a fusion its signals.
"""

from reelrank.config.fields import IMAGE_FIELDS, features_of, parts
from reelrank.config.schema import entry

#: What a twin without text, pictures and models may read.
PLAIN = frozenset({"interactions", "metadata"})


def reads(config, section, name):
    """Return what a base model or a re-ranker of the config reads.

    Parameters
    ----------
    config : dict
        Completed.
    section : {'models', 'rerankers'}
    name : str

    Returns
    -------
    frozenset of str
        Some of `reelrank.config.schema.READS`.
    """
    block = config[section][name]
    found = set(entry(section, block["type"]).get("reads", ()))
    for encoder, field in features_of(config, name, section):
        found |= reads_of_feature(config, encoder, field)
    for signal in block.get("signals") or ():
        found |= reads(config, "rerankers", signal)
    return frozenset(found)


def reads_of_feature(config, encoder, field):
    """Return what a feature is made of: what the encoder declares, and pictures where the field shows or names them."""
    block = config["encoders"][encoder]
    found = set(entry("encoders", block["type"]).get("reads", ()))
    if any(part in IMAGE_FIELDS or part in config["tags"] for part in parts(config, field)):
        found.add("images")
    return frozenset(found)


def is_plain(config, name):
    """Return whether a re-ranker reads no text, no picture and no model of either."""
    return reads(config, "rerankers", name) <= PLAIN
