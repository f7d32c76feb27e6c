"""Encoders with one small interface: texts or pictures in, unit vectors out.

An encoder's file defines the class ``Encoder``; the file name is the ``type`` in the config. The class takes
the encoder's name in the config and the complete options of its block. The types ``published`` and ``imported``
have a function ``read_matrix`` instead: their vectors are read from a file.
"""

import importlib

import numpy as np

from reelrank.errors import InputError


def build_encoder(name, block, weights=None):
    """Return the encoder that a config block describes.

    Parameters
    ----------
    name : str
        The encoder's name in the config, for errors.
    block : dict
        ``type`` and the encoder's options, complete except for keys that cannot change a vector
        (`reelrank.config.fields.encoder_block`).
    weights : path, optional
        Weights of an encoder that this run trained.

    Returns
    -------
    object
        Has ``encode(texts, role) -> (n, dimension)`` float32, rows of length 1, with the role
        ``passage`` (an item) or ``query`` (a history), and ``description``, a dict that names what was loaded.
        An image encoder also has ``encode_images``, ``preprocessing`` and ``pooling``
        (`reelrank.features.clip.Clip`).
    """
    options = dict(block)
    kind = options.pop("type")
    try:
        module = importlib.import_module(f"reelrank.features.encoders.{kind}")
    except ModuleNotFoundError as error:
        if error.name != f"reelrank.features.encoders.{kind}":
            raise
        raise InputError(f"config key encoders.{name}.type: unknown encoder type {kind!r}") from None
    if weights:
        options["weights"] = weights
    return module.Encoder(name, options)


def encode_present(encoder, texts, role="passage"):
    """Encode the texts that are not blank; the others get a zero vector.

    Each distinct text is encoded once.

    Returns
    -------
    vectors : numpy.ndarray
        ``(len(texts), dimension)`` float32.
    present : numpy.ndarray
        ``(len(texts),)`` bool: True if the text is not blank.
    """
    present = np.array([bool(text.strip()) for text in texts], bool)
    distinct = sorted({text for text in texts if text.strip()})
    encoded = encoder.encode(distinct if distinct else ["-"], role)
    row = {text: index for index, text in enumerate(distinct)}
    vectors = np.zeros((len(texts), encoded.shape[1]), np.float32)
    if distinct:
        vectors[present] = encoded[[row[text] for text in texts if text.strip()]]
    return vectors, present
