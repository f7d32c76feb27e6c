"""The cache of answers and vectors that a service was paid for. It lies outside the results, for all runs and users."""

import errno
import os
from pathlib import Path

from reelrank.errors import InputError

#: The environment variable that names the folder, and the folder without it.
VARIABLE = "REELRANK_CACHE"
DEFAULT_FOLDER = ".cache/reelrank"

#: The environment variable with further cache folders, read-only, separated as in PATH.
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
        If a folder cannot be read: its content would be paid for again.
    """
    folders = [Path(folder) for folder in os.environ.get(SHARED_VARIABLE, "").split(os.pathsep) if folder]
    folders = [folder.expanduser() for folder in folders]
    for folder in folders:
        if not (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
            raise InputError(f"{SHARED_VARIABLE}: {folder}: found no readable folder; expected one")
    return folders


def cannot_write(folder, what, error):
    """Return the `InputError` for an `OSError` on writing to a cache; `what` (``answers``) names its content."""
    reason = "read-only" if error.errno in _READ_ONLY else os.strerror(error.errno or 0)
    return InputError(
        f"{folder}: the cache of {what} cannot be written ({reason}), and it does not hold all {what}; "
        f"set {VARIABLE} to a writable folder, and {SHARED_VARIABLE} to this one to read it as well"
    )
