"""Where answers and vectors that a service was paid for are kept: outside the results, for several runs and users."""

import errno
import os
from pathlib import Path

from reelrank.errors import InputError

#: The environment variable that names the folder, and where it is without one.
VARIABLE = "REELRANK_CACHE"
DEFAULT_FOLDER = ".cache/reelrank"

#: Further cache folders that are only read, separated as in PATH.
SHARED_VARIABLE = "REELRANK_CACHE_SHARED"

_READ_ONLY = (errno.EROFS, errno.EACCES, errno.EPERM)


def cache_folder():
    """Return the folder that all caches write to."""
    return Path(os.environ.get(VARIABLE) or DEFAULT_FOLDER).expanduser()


def shared_folders():
    """Return the folders that are read where `cache_folder` has nothing.

    Raises
    ------
    InputError
        If one cannot be read: what lies there would be paid for again.
    """
    folders = [Path(folder) for folder in os.environ.get(SHARED_VARIABLE, "").split(os.pathsep) if folder]
    folders = [folder.expanduser() for folder in folders]
    for folder in folders:
        if not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
            raise InputError(f"{SHARED_VARIABLE}: {folder}: expected a folder that can be read, found none")
    return folders


def cannot_write(folder, what, error):
    """Return the `InputError` for a cache of `what` (``answers``) in which nothing can be kept, by an `OSError`."""
    reason = "read-only" if error.errno in _READ_ONLY else os.strerror(error.errno or 0)
    return InputError(
        f"{folder}: the cache of {what} cannot be written ({reason}) and not all {what} are in it; "
        f"set {VARIABLE} to a folder that can, and {SHARED_VARIABLE} to this one to read it as well"
    )
