"""Text encoders behind one small interface: texts in, unit vectors out.

An encoder's file defines ``Encoder``, whose file name is the ``type`` in the config;
it is built from the rest of its config block and has ``encode(texts)``.
"""

import importlib

import numpy as np

from reelrank.errors import InputError


def build_encoder(name, block):
    """Build the encoder that a config block describes.

    Parameters
    ----------
    name : str
        Its name in the config, for errors.
    block : dict
        ``type`` and the encoder's own options.

    Returns
    -------
    object
        With ``encode(texts) -> (n, dimension)`` float32, rows of length 1, and
        ``description``, a dict of what was loaded.
    """
    options = dict(block)
    kind = options.pop("type")
    try:
        module = importlib.import_module(f"reelrank.encoders.{kind}")
    except ModuleNotFoundError as error:
        if error.name != f"reelrank.encoders.{kind}":
            raise
        raise InputError(f"config key encoders.{name}.type: unknown encoder type {kind!r}") from None
    return module.Encoder(name, **options)


def encode_present(encoder, texts):
    """Encode the texts that are not empty; the others get a zero vector.

    Each distinct text is encoded once.

    Returns
    -------
    vectors : numpy.ndarray
        ``(len(texts), dimension)`` float32.
    present : numpy.ndarray
        ``(len(texts),)`` bool.
    """
    present = np.array([bool(text) for text in texts], bool)
    distinct = sorted({text for text in texts if text})
    encoded = encoder.encode(distinct if distinct else ["-"])
    row = {text: index for index, text in enumerate(distinct)}
    vectors = np.zeros((len(texts), encoded.shape[1]), np.float32)
    if distinct:
        vectors[present] = encoded[[row[text] for text in texts if text]]
    return vectors, present
