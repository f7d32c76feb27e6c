"""The source of each column of a fusion: the most telling of what its signal, similarity or words read.

No heavy import: Snakemake itself runs this.
"""

from reelrank.config.fields import IMAGE_FIELDS, features_of
from reelrank.config.reads import PLAIN, reads, reads_of_feature
from reelrank.config.schema import entry

#: Sources of columns. ``permuted``: vectors that were dealt out again among items, which say nothing of an item.
SOURCES = ("interactions", "permuted", "words", "encoder", "language_model", "images")

#: Sources that come from texts.
TEXT_SOURCES = ("words", "encoder", "language_model")


def source_of(found):
    """Return the source of a column that reads `found`, some of `reelrank.config.kinds.READS`."""
    if found <= PLAIN:
        return "interactions"
    return next(source for source in ("images", "language_model", "encoder", "words") if source in found)


def is_permuted(config, encoder):
    """Return whether an encoder deals out the vectors of another one again."""
    return entry("encoders", config["encoders"][encoder]["type"]).get("control") is True


def source_of_reranker(config, name):
    """Return the source of a signal."""
    if any(is_permuted(config, encoder) for encoder, _ in features_of(config, name, "rerankers")):
        return "permuted"
    return source_of(reads(config, "rerankers", name))


def source_of_feature(config, encoder, field):
    """Return the source of a similarity."""
    return "permuted" if is_permuted(config, encoder) else source_of(reads_of_feature(config, encoder, field))


def source_of_words(config, field):
    """Return the source of a field's words: ``images`` if they describe pictures."""
    return "images" if any(name in config["tags"] for name in config["joined_fields"].get(field, [field])) else "words"


def text_fields(config, name):
    """Return the prepared text fields that a re-ranker reads."""
    block = config["rerankers"][name]
    fields = [field for _, field in features_of(config, name, "rerankers")]
    fields += [block["field"]] if not fields and isinstance(block.get("field"), str) else []
    fields += list(block["fields"]) if isinstance(block.get("fields"), dict) else []
    fields += ["title"] if block["type"] == "likelihood" else []
    known = [*config["fields"], *config["tags"], *config["joined_fields"]]
    return [field for field in dict.fromkeys(fields) if field in known and field not in IMAGE_FIELDS]
