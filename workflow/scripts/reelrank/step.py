"""Runs a step: arguments, log, errors, and the time and memory used.

A step is a file of ``workflow/scripts`` with a function ``main`` and the last line
``step.run(main, snakemake)``. Snakemake defines the global name ``snakemake`` in the step before
it runs it. If a test imports the step, the name is None and nothing runs.
"""

import atexit
import builtins
import errno
import inspect
import json
import logging
import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path

from reelrank import progress
from reelrank.errors import InputError
from reelrank.sharding import read_shard

# Lets tests import a step. In a run, Snakemake's global name hides this builtin.
builtins.snakemake = None

#: Packages whose versions can change results; the log has their versions.
LOGGED_PACKAGES = ("numpy", "pandas", "pyarrow", "torch", "sentence-transformers")

#: The run's stderr, for `say`. The stderr of this process goes to the step's log.
terminal = sys.stderr


def run(main, snakemake):
    """Run a step: start its log, and call `main` with the arguments that its parameters name.

    The name of each parameter of `main` is one of these:

    - ``inputs``, ``outputs``: all named files of the rule, as a dict of name to path or list of paths;
    - ``shard``: ``(number, shards)`` of the job, ``(1, 1)`` for a job without shards;
    - the name of a param, a wildcard, an input or an output of the rule. If an input has no
      files, the parameter keeps its default;
    - the name of a resource. It is read as JSON, since a resource must be a number or a string.

    The job's threads are not available: Snakemake lowers them to ``--cores``, and they decide the
    order of floating-point sums. A step takes the param ``threads`` of the config instead.

    Parameters
    ----------
    main : callable
        The function ``main`` of the step. Tests call it with plain values.
    snakemake : snakemake.iocontainers.Snakemake or None
        None if a test imports the step.
    """
    if snakemake is None:
        return
    start(snakemake.log)
    main(**arguments(main, snakemake))


def arguments(main, snakemake):
    """Return the arguments of a step's `main` from its rule (see `run`).

    Raises
    ------
    TypeError
        If a parameter without a default has no match in the rule, or more than one.
    """
    inputs, outputs = _plain(snakemake.input), _plain(snakemake.output)
    whole = {"inputs": inputs, "outputs": outputs, "shard": read_shard(snakemake.wildcards)}
    places = {
        "param": _plain(snakemake.params),
        "wildcard": dict(snakemake.wildcards.items()),
        "input": inputs,
        "output": outputs,
        "resource": dict(snakemake.resources.items()),
    }
    found = {}
    for name, parameter in inspect.signature(main).parameters.items():
        holding = [place for place, values in places.items() if name in values]
        optional = parameter.default is not parameter.empty
        if name in whole:
            found[name] = whole[name]
        elif optional and holding == ["input"] and not inputs[name]:
            continue
        elif len(holding) == 1:
            value = places[holding[0]][name]
            found[name] = json.loads(value) if holding == ["resource"] and isinstance(value, str) else value
        elif holding or not optional:
            what = f"{' and '.join(holding)} with this name" if holding else "nothing with this name"
            raise TypeError(
                f"rule {snakemake.rule}: parameter {name!r} of main: found {what}; expected exactly one param, "
                "wildcard, input, output or resource"
            )
    return found


def _plain(values):
    """Return named values of a rule as a dict, with plain lists."""
    return {name: list(value) if isinstance(value, list) else value for name, value in values.items()}


def start(log):
    """Send stdout, stderr, logging and tracebacks of this process to the step's log.

    Each error is also shown on the terminal, as one line. An `InputError` or a full or read-only disk is
    logged without a traceback, since the user can fix it.

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
    """Print a line on the run's terminal, on a line of its own above the progress bar."""
    erased = "\r\033[K" if terminal.isatty() else ""
    print(f"{erased}reelrank: {message}", file=terminal, flush=True)


def _log_use():
    """Log processor time and peak memory exactly; Snakemake's benchmark files only sample them."""
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
        message = f"{error.filename or 'an output'}: {os.strerror(error.errno)}; no half-written file is kept"
    if message is None:
        logging.critical("the step failed", exc_info=(kind, error, traceback))
        message = f"{kind.__name__}: {error} (traceback in {path})"
    else:
        logging.critical(message)
    say(f"error: {message}")
