"""Load picture files as arrays of one size; a file that cannot be decoded is reported and never stops a run."""

import contextlib
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

#: Maximum number of pixels of a decoded picture (about 270 MB). Larger baseline JPEGs are decoded at reduced size.
MAX_PIXELS = 89_478_485

#: A JPEG may be shrunk while decoding to this multiple of the wanted size or more, so that resizing stays smooth.
DRAFT = 2

#: Formats that are decoded, whatever the file's name: the common web formats. Some other formats make Pillow start an
#: external program (EPS), which is not safe for downloaded files.
FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP", "TIFF", "JPEG2000", "PPM")
Image.init()
FORMATS = tuple(name for name in FORMATS if name in Image.OPEN)

#: What Pillow raises for damaged files. An OSError with an error number comes from the disk, not from the picture.
_DAMAGED = (
    *(OSError, SyntaxError, ValueError, EOFError, OverflowError, RuntimeError, LookupError, TypeError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)


@dataclass(frozen=True)
class Preprocessing:
    """The picture format that a model expects, in open_clip's terms.

    Attributes
    ----------
    height, width : int
        Pixels.
    resize_mode : {'shortest', 'squash', 'longest'}
        Crop to the centre, distort, or pad with black.
    interpolation : {'bicubic', 'bilinear'}
    mean, std : tuple of float
        Per channel, for values from 0 to 1.
    """

    height: int
    width: int
    resize_mode: str = "shortest"
    interpolation: str = "bicubic"
    mean: tuple = (0.5, 0.5, 0.5)
    std: tuple = (0.5, 0.5, 0.5)


@contextlib.contextmanager
def own_pixel_limit():
    """Switch off Pillow's limit on declared sizes; `load_image` has its own limit, which allows reduced JPEGs."""
    before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def load_image(path, preprocessing):
    """Decode a picture, whatever its file name, and resize it.

    A JPEG is shrunk while decoding. CMYK, palettes, grey levels and transparency become RGB; 16-bit grey levels
    keep their upper 8 bits. The centre is cropped before resizing, so that a very long picture stays cheap.

    Parameters
    ----------
    path : str or Path
    preprocessing : Preprocessing

    Returns
    -------
    pixels : numpy.ndarray or None
        ``(height, width, 3)`` uint8; None if the file could not be decoded.
    fault : str or None
        ``unreadable`` (not a picture, or damaged) or ``too_large``.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.format == "JPEG":
                if image.info.get("progressive") and image.width * image.height > MAX_PIXELS:
                    return None, "too_large"  # decoding holds all coefficients in memory, even at reduced size
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
