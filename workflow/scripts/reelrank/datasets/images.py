"""Lists the pictures in a folder."""

import os
import re
from pathlib import Path

from reelrank.errors import InputError

#: ``{item}.jpg`` is an item's picture, ``{item}-{number}.jpg`` one of several.
_NAME = re.compile(r"(\d+)(?:-(\d+))?\.(?:jpe?g|png|webp)", re.IGNORECASE)


def list_images(folder):
    """List the pictures of each item by their file names, without opening them.

    Parameters
    ----------
    folder : str or Path
        May have subfolders with pictures, like published archives.

    Returns
    -------
    dict of int to list of str
        Paths in the order of their numbers, by item id.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: the folder with the pictures does not exist")
    found = {}
    for place, _, names in os.walk(folder):
        for name in names:
            if match := _NAME.fullmatch(name):
                found.setdefault(int(match[1]), {}).setdefault(int(match[2] or 0), []).append(f"{place}/{name}")
    return {item: [sorted(numbered[number])[0] for number in sorted(numbered)] for item, numbered in found.items()}
