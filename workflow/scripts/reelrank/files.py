"""Atomic writes: a file appears complete or not at all."""

import contextlib
import errno
import gzip
import json
import os
import re
import secrets
import shutil
import tempfile
from pathlib import Path

from reelrank.errors import InputError


@contextlib.contextmanager
def atomic(path):
    """Yield a temporary path beside `path`; rename it to `path` on success, remove it on failure.

    Works for a file and for a folder (the caller makes the folder). Temporary
    names that an earlier, killed run left for the same path are removed first.

    Parameters
    ----------
    path : str or Path
        Final name. Its folder is made if it does not exist.

    Yields
    ------
    Path
        ``.{name}.{pid}-{8 hexadecimal digits}.tmp``. It is in the same folder, so that the rename
        stays on one file system. The digits are random, since nodes of a cluster may share a process id.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    stale = re.compile(rf"\.{re.escape(path.name)}\.\d+(-[0-9a-f]{{8}})?(\.old)?\.tmp")
    for other in path.parent.iterdir():
        if stale.fullmatch(other.name):
            with contextlib.suppress(OSError):  # a process that still writes there fails
                remove(other)
    temporary = path.parent / f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp"
    try:
        yield temporary
        if temporary.is_dir() and path.is_dir():
            # A folder cannot replace another by a rename, and a half-removed folder must not keep the name.
            old = temporary.with_suffix(".old.tmp")
            path.replace(old)
            temporary.replace(path)
            shutil.rmtree(old)
        else:
            temporary.replace(path)
    except BaseException as error:
        has_a_reason = isinstance(error, InputError) or getattr(error, "errno", None) is not None
        full = None if has_a_reason or not isinstance(error, Exception) else _no_space(path.parent)
        remove(temporary)
        if full is not None:
            raise OSError(full, os.strerror(full), str(path)) from error
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            error.filename = str(path)  # the error of a full disk names no file
        raise


def _no_space(folder):
    """Return the error number of a full disk or quota, or None.

    Libraries that write files themselves (torch, safetensors, numpy) report only a file that is too short.
    """
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(2**16))
    except OSError as error:
        return error.errno if error.errno in (errno.ENOSPC, errno.EDQUOT) else None
    return None


def remove(path):
    """Remove a file or a folder if it exists."""
    path = Path(path)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_by(save, path):
    """Let ``save(temporary)`` write the file `path`, atomically, with the default mode of new files.

    Some libraries make files that only the owner can read.
    """
    with atomic(path) as temporary:
        temporary.touch()
        mode = temporary.stat().st_mode
        save(temporary)
        temporary.chmod(mode)


def write_text(path, text):
    """Write `text` (UTF-8, LF) to `path`, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path, value):
    """Write `value` as indented JSON to `path`, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_json_gzip(path, value):
    """Write `value` as compressed JSON to `path`, atomically; the same value gives the same bytes."""
    with atomic(path) as temporary:
        temporary.write_bytes(gzip.compress(json.dumps(value, separators=(",", ":")).encode(), mtime=0))


def read_json_gzip(path):
    """Return the content of the compressed JSON file `path`."""
    return json.loads(gzip.decompress(Path(path).read_bytes()))


def read_json(path):
    """Return the content of the JSON file `path`."""
    return json.loads(Path(path).read_text(encoding="utf-8"))
