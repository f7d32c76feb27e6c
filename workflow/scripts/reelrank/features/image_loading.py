"""Pictures of any kind in files, as arrays of one size; what cannot be decoded is told, never a crash."""

import contextlib
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

#: Most pixels that are decoded at once (about 270 MB). A larger baseline JPEG is decoded at a fraction of its size.
MAX_PIXELS = 89_478_485

#: A JPEG may be shrunk while decoding to no less than so many times the wanted size, so that resizing stays smooth.
DRAFT = 2

#: Formats that are decoded, whatever a file's name: those of pictures on the web. Of Pillow's others some run a
#: program of the machine (EPS), which no file of a dataset may.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM")
Image.init()
FORMATS = tuple(name for name in FORMATS if name in Image.OPEN)

#: What Pillow raises for damaged files. An OSError with a number is the disk's, not the picture's.
_DAMAGED = (
    *(OSError, SyntaxError, ValueError, EOFError, OverflowError, RuntimeError, LookupError, TypeError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)


@dataclass(frozen=True)
class Preprocessing:
    """How a model wants its pictures, in open_clip's terms.

    Attributes
    ----------
    height, width : int
        Pixels.
    resize_mode : {'shortest', 'squash', 'longest'}
        Cut to the middle, distort, or pad with black.
    interpolation : {'bicubic', 'bilinear'}
    mean, std : tuple of float
        Of each channel, for values from 0 to 1.
    """

    height: int
    width: int
    resize_mode: str = "shortest"
    interpolation: str = "bicubic"
    mean: tuple = (0.5, 0.5, 0.5)
    std: tuple = (0.5, 0.5, 0.5)


@contextlib.contextmanager
def own_pixel_limit():
    """Lift Pillow's limit of the size that a file declares; `load_image` has its own, which knows JPEG's drafts."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def load_image(path, preprocessing):
    """Decode a picture, whatever its name says it is, and resize it.

    A JPEG is shrunk while decoding. CMYK, palettes, greys and transparency become RGB; 16-bit greys keep
    their upper 8 bits. The middle is cut out before resizing, so that a very long picture stays cheap.

    Parameters
    ----------
    path : str or Path
    preprocessing : Preprocessing

    Returns
    -------
    pixels : numpy.ndarray or None
        ``(height, width, 3)`` uint8; None if it could not be decoded.
    fault : str or None
        ``unreadable`` (no picture, or a damaged one) or ``too_large``.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.format == "JPEG":
                if image.info.get("progressive") and image.width * image.height > MAX_PIXELS:
                    return None, "too_large"  # its coefficients are all held in memory, whatever the draft
                image.draft(None, (DRAFT * preprocessing.width, DRAFT * preprocessing.height))
            if image.width * image.height > MAX_PIXELS:
                return None, "too_large"
            return np.asarray(_resize(_to_rgb(image), preprocessing)), None
    except _DAMAGED as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        return None, "unreadable"


def _to_rgb(image):
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        values = np.asarray(image)
        if image.mode == "F":
            values = np.nan_to_num(values) * (255 if values.max(initial=0) <= 1 else 1)
        elif values.max(initial=0) > 255:
            values = values.astype(np.int64) >> 8
        image = Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
    return image.convert("RGB")


def _resize(image, preprocessing):
    height, width = preprocessing.height, preprocessing.width
    method = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}[preprocessing.interpolation]
    if preprocessing.resize_mode == "longest":
        scale = min(width / image.width, height / image.height)
        inner = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        canvas = Image.new("RGB", (width, height))
        canvas.paste(image.resize(inner, method), ((width - inner[0]) // 2, (height - inner[1]) // 2))
        return canvas
    box = None
    if preprocessing.resize_mode == "shortest":
        scale = min(image.width / width, image.height / height)
        left, top = (image.width - width * scale) / 2, (image.height - height * scale) / 2
        box = max(left, 0), max(top, 0), min(left + width * scale, image.width), min(top + height * scale, image.height)
    return image.resize((width, height), method, box=box)
