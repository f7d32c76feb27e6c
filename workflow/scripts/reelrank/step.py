"""The start of every step: its log, its errors, what it used."""

import atexit
import errno
import logging
import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path

from reelrank import progress
from reelrank.errors import InputError

#: Packages whose versions decide numbers; those loaded or installed are logged.
LOGGED_PACKAGES = ("numpy", "pandas", "pyarrow", "torch", "sentence-transformers")

#: The run's stderr; that of this process is the step's log. What a person must see goes there, by `say`.
terminal = sys.stderr


def start(log):
    """Send stdout, stderr, logging and tracebacks of this process to the step's log.

    An `InputError` and a full or read-only disk are also shown on the terminal as
    one line, since they are the user's to mend.

    Parameters
    ----------
    log : sequence of str
        ``snakemake.log``; its first entry is the log file.
    """
    global terminal
    path = Path(log[0])
    progress.belongs_to(log[0])
    path.parent.mkdir(parents=True, exist_ok=True)
    terminal = os.fdopen(os.dup(2), "w")
    stream = open(path, "w", encoding="utf-8", buffering=1)  # noqa: SIM115 - lives as long as the process
    os.dup2(stream.fileno(), 1)
    os.dup2(stream.fileno(), 2)
    sys.stdout = sys.stderr = stream
    logging.basicConfig(stream=stream, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", force=True)
    for noisy in ("httpx", "httpx2", "httpcore", "httpcore2", "openai", "huggingface_hub", "urllib3", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    versions = " ".join(f"{name} {_version(name)}" for name in LOGGED_PACKAGES)
    logging.info("python %s %s", platform.python_version(), versions)
    atexit.register(_log_use)
    sys.excepthook = lambda kind, error, traceback: _report(kind, error, traceback, path)


def say(message):
    """Print a line beside the run's other messages; the run's progress bar makes room for it."""
    erased = "\r\033[K" if terminal.isatty() else ""
    print(f"{erased}reelrank: {message}", file=terminal, flush=True)


def _log_use():
    """Log processor time and peak memory exactly: Snakemake's benchmark files only look from time to time."""
    times, status = os.times(), Path("/proc/self/status")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.is_file() else None
    memory = f" and at most {int(peak[1]) / 1024:.0f} MiB" if peak else ""
    logging.info("used %.2f s of processor time%s", sum(times[:4]), memory)


def _version(package):
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _report(kind, error, traceback, path):
    message = None
    if isinstance(error, InputError):
        message = str(error)
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
        message = f"{error.filename or 'an output'}: {os.strerror(error.errno)}; nothing half-written is kept"
    if message is None:
        logging.critical("the step failed", exc_info=(kind, error, traceback))
        message = f"{kind.__name__}: {error} (traceback in {path})"
    else:
        logging.critical(message)
    say(f"error: {message}")
