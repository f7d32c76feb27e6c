"""Item fields: texts, images, joined texts and tags, and which of them depend on the split.

No heavy import: Snakemake itself runs this.
"""

from reelrank.config.addresses import third_party
from reelrank.config.base_models import needed_models
from reelrank.config.schema import entry, types_with, without_limits
from reelrank.errors import InputError, suggest

#: The file (role) that each adapter reads an item field from.
FIELD_ROLES = {
    "microlens": {
        "title": "titles",
        "category": "categories",
        "comments": "comments",
        "cover": "covers",
        "frames": "frames",
    },
    "movielens": {"title": "movies", "category": "movies"},
}

#: Prepared fields that are pictures; all others are texts.
IMAGE_FIELDS = ("cover", "frames")

#: Types of encoder that can encode pictures.
IMAGE_ENCODERS = types_with("encoders", "pictures")

#: Types of encoder that send the texts to a service.
HOSTED_ENCODERS = types_with("encoders", "hosted")

#: Types of encoder that the run trains, on the items of training interactions.
TRAINED_ENCODERS = types_with("encoders", "trained")

#: Types of encoder that have one matrix of all items and encode no other text.
MATRIX_ENCODERS = types_with("encoders", "matrix")

#: Types of encoder whose block names their one field.
OWN_FIELD_ENCODERS = types_with("encoders", "own_field")


def field_names(config):
    """Return all names of fields that a feature can encode."""
    own = [block["field"] for block in config["encoders"].values() if block["type"] in OWN_FIELD_ENCODERS]
    return [*dict.fromkeys([*config["fields"], *config["tags"], *config["joined_fields"], *own])]


def prepared_texts(config):
    """Return the names of the text fields that the workflow prepares: fields, tags and joined fields."""
    names = [*config["fields"], *config["tags"], *config["joined_fields"]]
    return [name for name in names if name not in IMAGE_FIELDS]


def source_encoder(config, encoder):
    """Return the encoder whose matrix of the same field an encoder reads, or None."""
    block = config["encoders"][encoder]
    return block.get(entry("encoders", block["type"]).get("source"))


def with_sources(config, encoder):
    """Return an encoder and those whose matrices it reads, directly or not."""
    source = source_encoder(config, encoder)
    return [encoder, *(with_sources(config, source) if source else [])]


def source_fields(config, field):
    """Return the fields that a text field is joined from, in order; ``[field]`` if it is not a join."""
    return config["joined_fields"].get(field, [field])


def is_of_training(config, source):
    """Return whether a text is made from training interactions; its file is then in the protocol's folder."""
    return source == "comments" or source in config["tags"]


def depends_on_split(config, encoder, field):
    """Return whether a feature depends on training interactions: by its text, its encoder or the matrix it reads.

    Such a feature is in the protocol's folder, all others are in the dataset's folder.
    """
    kind, source = config["encoders"][encoder]["type"], source_encoder(config, encoder)
    if kind in OWN_FIELD_ENCODERS:
        return False
    of_training = any(is_of_training(config, source) for source in source_fields(config, field))
    if of_training or kind == "permuted" or kind in TRAINED_ENCODERS:
        return True
    return bool(source) and depends_on_split(config, source, field)


def features_of(config, name, section):
    """Return the features of a model or re-ranker, as ``[(encoder, field), ...]``."""
    block = config[section][name]
    single = block.get("item_input") or block
    listed = block.get("features") or block.get("similarities") or ([single] if single.get("encoder") else [])
    return [(feature["encoder"], feature["field"]) for feature in listed]


def words_of(config, name):
    """Return the text fields whose words a re-ranker reads without an encoder."""
    block = config["rerankers"][name]
    if "encoder" in block:
        return []
    return list(block.get("words") or ([block["field"]] if "field" in block else []))


def check_definitions(config, problems):
    """Check the definitions of tags and joined fields that the run uses or could use; add mistakes to `problems`."""
    for name, block in config["tags"].items():
        with problems.noting():
            _check_tags(config, name, block)
    for name, joined in config["joined_fields"].items():
        with problems.noting():
            _check_joined(config, name, joined)


def _check_tags(config, name, block):
    _check_name(config, name, f"tags.{name}")
    if block["field"] not in config["fields"] and name not in _used_fields(config):
        return  # an unused default: this dataset has no such pictures
    check_feature(config, f"tags.{name}", block["encoder"], block["field"])
    if block["field"] not in IMAGE_FIELDS or config["encoders"][block["encoder"]]["type"] not in IMAGE_ENCODERS:
        raise InputError(
            f"config key tags.{name}: found field {block['field']!r} and encoder {block['encoder']!r}; expected "
            f"one of {', '.join(IMAGE_FIELDS)} and a CLIP"
        )


def _check_joined(config, name, joined):
    _check_name(config, name, f"joined_fields.{name}")
    texts = [field for field in [*config["fields"], *config["tags"]] if field not in IMAGE_FIELDS]
    for field in joined:
        if field not in texts and name in _used_fields(config):
            raise InputError(
                f"config key joined_fields.{name}: {field!r} is not a prepared text field; {suggest(field, texts)}"
            )


def _check_name(config, name, where):
    taken = {"title", "category", "comments", *IMAGE_FIELDS, *config["fields"]}
    if name in taken or (name in config["tags"] and name in config["joined_fields"]):
        raise InputError(f"config key {where}: the name {name!r} is taken by another field; expected another")


def diversity_feature(config):
    """Return the ``(encoder, field)`` that measures diversity within a list, or None.

    The default field is ``title``; without prepared titles, diversity is not measured.
    """
    block = config["diversity"]
    if block is None:
        return None
    encoder, field = block["encoder"], block["field"]
    own_field = config["encoders"].get(encoder, {}).get("type") in OWN_FIELD_ENCODERS
    return None if field == "title" and field not in config["fields"] and not own_field else (encoder, field)


def _used_fields(config):
    run = config["run"]
    used = [("rerankers", name) for name in run["rerankers"]] + [("models", name) for name in needed_models(config)]
    features = [feature for section, name in used for feature in features_of(config, name, section)]
    fields = {feature[1] for feature in [*features, diversity_feature(config)] if feature}
    fields |= {field for name in run["rerankers"] for field in words_of(config, name)}
    return fields | {source for field in fields for source in source_fields(config, field)}


def check_feature(config, where, encoder, field):
    """Check that an encoder and a field are defined, and that the encoder can encode the field.

    Parameters
    ----------
    config : dict
    where : str
        The config key that names them, for errors.
    encoder, field : str
    """
    if encoder not in config["encoders"]:
        raise InputError(
            f"config key {where}.encoder: unknown name {encoder!r}; {suggest(encoder, config['encoders'])}"
        )
    block = config["encoders"][encoder]
    if source := source_encoder(config, encoder):
        _check_source(config, encoder, source)
        check_feature(config, where, source, field)
    if block["type"] == "permuted":
        return
    if block["type"] in OWN_FIELD_ENCODERS:
        if field != block["field"]:
            raise InputError(
                f"config key {where}.field: found {field!r}; expected {block['field']!r}, the field of {encoder!r}"
            )
        return
    if field not in [*config["fields"], *config["tags"], *config["joined_fields"]]:
        raise InputError(
            f"config key {where}.field: found {field!r}; expected one of fields {config['fields']}, or a name in tags "
            "or joined_fields"
        )
    if field in IMAGE_FIELDS and block["type"] not in IMAGE_ENCODERS:
        raise InputError(f"config key {where}.field: {field!r} holds pictures, but {encoder!r} encodes only texts")
    if "comments" in source_fields(config, field):
        _check_leaving(config, encoder, f"comments of users ({where} reads {field})")


def check_words(config, name):
    """Check that the text fields whose words a re-ranker reads are prepared."""
    texts = [
        field for field in [*config["fields"], *config["tags"], *config["joined_fields"]] if field not in IMAGE_FIELDS
    ]
    key = "words" if config["rerankers"][name].get("words") else "field"
    for field in words_of(config, name):
        if field not in texts:
            raise InputError(
                f"config key rerankers.{name}.{key}: {field!r} is not a prepared text field; {suggest(field, texts)}"
            )


def _check_source(config, encoder, source):
    """Check the encoder whose matrix another one reads. It must not read a matrix itself, so there is no circle."""
    block = config["encoders"][encoder]
    where = f"encoders.{encoder}.{entry('encoders', block['type'])['source']}"
    if source not in config["encoders"]:
        raise InputError(f"config key {where}: unknown name {source!r}; {suggest(source, config['encoders'])}")
    if source_encoder(config, source):
        raise InputError(
            f"config key {where}: found {source!r}, which reads the matrix of another encoder; expected an encoder "
            "with vectors of its own"
        )


def encoder_block(config, encoder):
    """Return the settings that decide an encoder's vectors: its block without permissions, attempts and time-outs."""
    return without_limits("encoders", config["encoders"][encoder])


def _check_leaving(config, encoder, what):
    """Refuse to send comments or histories to another machine, unless the encoder's block allows it."""
    block = config["encoders"][encoder]
    if block["type"] not in HOSTED_ENCODERS or block["send_to_third_party"]:
        return
    url = block.get("base_url") if block["type"] == "openai" else block["model"]
    if url and "://" in url and third_party(url) is None:
        return
    whom = (third_party(url) if url and "://" in url else block.get("provider")) or block["type"]
    raise InputError(
        f"config key encoders.{encoder}.send_to_third_party: {what} would be sent to {whom}; found false, expected "
        "true to allow it"
    )


def check_similarity(config, name, problems):
    """Check the features of a similarity re-ranker of the run; add mistakes to `problems`."""
    block, where = config["rerankers"][name], f"rerankers.{name}"
    if bool(block["features"]) == bool(block["encoder"]):
        problems.add(f"config key {where}: expected either 'encoder' (and 'field') or 'features'")
        return
    features = features_of(config, name, "rerankers")
    for index, (encoder, field) in enumerate(features):
        with problems.noting():
            check_feature(config, f"{where}.features.{index}" if block["features"] else where, encoder, field)
    with problems.noting():
        _check_texts(config, where, block, features)


def _check_texts(config, where, block, features):
    concatenated = block["pooling"] == "concatenate"
    for encoder, _ in features if concatenated else ():
        kind = config["encoders"][encoder]["type"]
        if kind in MATRIX_ENCODERS:
            raise InputError(
                f"config key {where}.pooling: {encoder!r} is of type {kind}, which has vectors of items only and "
                "cannot encode a history; expected mean"
            )
    texts = [(encoder, field) for encoder, field in features if is_text(config, encoder, field)]
    encoders = [encoder for encoder, _ in texts]
    if len(set(encoders)) < len(encoders):
        raise InputError(
            f"config key {where}.features: a text encoder is listed twice; expected it once, with its fields joined "
            "by joined_fields"
        )
    if concatenated and (len(features) > 1 or not texts):
        raise InputError(
            f"config key {where}.pooling: only a single feature of texts can be concatenated; expected mean"
        )
    if concatenated and config["encoders"][encoders[0]].get("centre"):
        raise InputError(
            f"config key {where}.pooling: found concatenate with the encoder {encoders[0]!r}, whose items are centred "
            "and texts of histories are not; expected mean, or centre: false"
        )
    if concatenated:
        _check_leaving(config, encoders[0], f"histories of users ({where}.pooling: concatenate)")


def is_text(config, encoder, field):
    """Return whether an encoder reads the texts of a field one by one."""
    return config["encoders"][encoder]["type"] not in MATRIX_ENCODERS and field not in IMAGE_FIELDS
