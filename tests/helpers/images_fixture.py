"""Pictures of many kinds, good and bad, in files; and a small encoder of pictures."""

import io

import numpy as np
from PIL import Image

from reelrank.features.image_loading import Preprocessing


def noise(seed, size=(40, 30)):
    """Return an RGB picture of random pixels, smooth enough for JPEG."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(size)


def jpeg(picture, **options):
    """Return a picture as the bytes of a JPEG."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", **options)
    return stream.getvalue()


class MeanColour:
    """Encodes a picture as the unit vector of its mean colour, and remembers the size of its batches."""

    preprocessing = Preprocessing(8, 8)
    pooling = "mean"

    def __init__(self):
        self.batches = []

    def encode_images(self, pixels):
        """Return ``(n, 3)``."""
        assert pixels.dtype == np.uint8 and pixels.shape[1:] == (8, 8, 3)
        self.batches.append(len(pixels))
        colours = pixels.reshape(len(pixels), -1, 3).mean(1).astype(np.float32) + 1
        return colours / np.linalg.norm(colours, axis=1, keepdims=True)
