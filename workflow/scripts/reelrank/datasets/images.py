"""Which images of a folder can be read."""

from pathlib import Path

from PIL import Image

from reelrank.errors import InputError


def readable_images(folder):
    """List the images ``{item}.jpg`` of a folder, opening each one's header.

    Parameters
    ----------
    folder : str or Path
        May hold the images in subfolders, as published archives do.

    Returns
    -------
    names : dict of int to str
        Path relative to `folder`, by item id.
    unreadable : int
        Files of that name that are no image.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder}: the folder of images does not exist")
    names, unreadable = {}, 0
    for path in sorted(folder.rglob("*.jpg")):
        if not path.stem.isdecimal():
            continue
        try:
            with Image.open(path) as image:
                image.verify()
        except (OSError, SyntaxError, Image.DecompressionBombError):
            unreadable += 1
            continue
        names.setdefault(int(path.stem), path.relative_to(folder).as_posix())
    return names, unreadable
