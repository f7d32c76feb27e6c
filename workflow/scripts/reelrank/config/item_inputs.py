"""Base models with item input: their twins, which differ only in what the item vectors read.

No heavy import: Snakemake itself runs this.
"""

from reelrank.config.fields import features_of, prepared_texts
from reelrank.config.reads import reads_of_feature
from reelrank.config.schema import Problems, complete_block
from reelrank.errors import InputError

#: What a feature must read for its model to have twins: vectors of words are a twin themselves.
CREDITED = frozenset({"encoder", "images", "language_model"})

#: The ending of a twin's name, by rung.
ENDINGS = {"no_text": "_ids", "permuted": "_permuted", "words": "_words"}


def add_item_twins(config):
    """Add the twins of the base models of the run that have item input.

    Parameters
    ----------
    config : dict
        Its blocks are complete and checked.

    Returns
    -------
    dict
        The config. A model whose feature reads an encoder or pictures is followed in ``run.base_models`` by its twins:
        ids alone (unless such a model runs already), permuted vectors, and words if the field is a text. Each new
        block has ``twin_of`` and ``rung``; the model's block has ``twins``, the names of its twins by rung. The
        encoders of the twins are added to ``encoders``.

    Raises
    ------
    InputError
        If the name of a twin or of its encoder is taken.
    """
    if not config["run"]["item_input_twins"]:
        return config
    config = {**config, **{section: dict(config[section]) for section in ("models", "encoders", "run")}}
    names = []
    for name in config["run"]["base_models"]:
        names += [name, *_add_twins(config, name)]
    config["run"]["base_models"] = names
    return config


def _add_twins(config, name):
    """Add the blocks of a model's twins to `config`; return the names of the new ones."""
    block = config["models"][name]
    features = features_of(config, name, "models") if block.get("item_input") else []
    if not features or not reads_of_feature(config, *features[0]) & CREDITED:
        return []
    (encoder, field), twins, new = features[0], {}, []
    inputs = {"no_text": None, "permuted": permuted_encoder(config, encoder)}
    if field in prepared_texts(config):
        inputs["words"] = words_encoder(config, encoder)
    for rung, other in inputs.items():
        item_input = other and {**block["item_input"], "encoder": other}
        twin, twins[rung] = {**block, "item_input": item_input}, name + ENDINGS[rung]
        if rung == "no_text" and (same := _running(config, twin)):
            twins[rung] = same
            continue
        if twins[rung] in config["models"]:
            raise InputError(
                f"config key models.{twins[rung]}: the name is reserved for a twin of {name!r}, which has item_input; "
                "expected another, or run.item_input_twins: false"
            )
        config["models"][twins[rung]] = {**twin, "twin_of": name, "rung": rung}
        new.append(twins[rung])
    config["models"][name] = {**block, "twins": twins}
    return new


def _running(config, block):
    """Return the name of a base model of the run with this block, or None."""
    return next((name for name in config["run"]["base_models"] if config["models"][name] == block), None)


def permuted_encoder(config, encoder):
    """Return the name of the encoder that deals out another's vectors again; add its block to `config`."""
    return _encoder(config, f"{encoder}_permuted", {"type": "permuted", "of": encoder})


def words_encoder(config, encoder):
    """Return the name of the encoder of words as wide as another encoder; add its block to `config`."""
    return _encoder(config, f"{encoder}_words", {"type": "words", "width_of": encoder})


def _encoder(config, name, given):
    """Add the block of a twin's encoder to `config`, unless the same is there; return its name."""
    block = complete_block("encoders", given, f"encoders.{name}", Problems())
    if config["encoders"].setdefault(name, block) != block:
        raise InputError(
            f"config key encoders.{name}: the name is reserved for the encoder of a twin; expected another, or "
            f"exactly {block}"
        )
    return name
