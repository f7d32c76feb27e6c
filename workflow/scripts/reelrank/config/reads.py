"""Which data and models each re-ranker reads. Twins are built from this, never from names.

The schema entry of a type declares what it reads (`reelrank.config.kinds.READS`). The features and signals in
its block add what they read.
"""

from reelrank.config.fields import IMAGE_FIELDS, features_of, source_fields, words_of
from reelrank.config.schema import entry

#: A twin may read only these: no texts, pictures or models.
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
        Some of `reelrank.config.kinds.READS`.
    """
    block = config[section][name]
    found = set(entry(section, block["type"]).get("reads", ()))
    for encoder, field in features_of(config, name, section):
        found |= reads_of_feature(config, encoder, field)
    for field in words_of(config, name) if section == "rerankers" else ():
        found |= {"words"} | ({"images"} if _shows_pictures(config, field) else set())
    for signal in block.get("signals") or ():
        found |= reads(config, "rerankers", signal)
    return frozenset(found)


def reads_of_feature(config, encoder, field):
    """Return what a feature reads: what its encoder declares, and ``images`` for pictures and tags of pictures.

    Permuted vectors tell nothing of the field that they were made from. An imported matrix says itself what it reads.
    """
    block = config["encoders"][encoder]
    found = set(block["reads"] if block["type"] == "imported" else entry("encoders", block["type"]).get("reads", ()))
    if block["type"] in ("permuted", "imported"):
        return frozenset(found)
    if _shows_pictures(config, field):
        found.add("images")
    return frozenset(found)


def _shows_pictures(config, field):
    """Return whether a field is a picture, or has texts that were made from pictures."""
    return any(source in IMAGE_FIELDS or source in config["tags"] for source in source_fields(config, field))


def is_plain(config, name):
    """Return whether a re-ranker reads no texts, pictures, encoders or language models."""
    return reads(config, "rerankers", name) <= PLAIN
