"""Progress of a long loop: a line in the step's log at intervals, and a state that the run's console shows."""

import contextlib
import hashlib
import logging
import os
import threading
import time
from pathlib import Path

#: Seconds between two lines in the log, and between two states for the console.
LOG_EVERY_S, SHOW_EVERY_S = 20, 1

#: The environment variable with the folder of the states. It is set if a console shows them.
FOLDER = "REELRANK_PROGRESS"

_log = None  # the log of this step
_open = []  # open Progress objects of this process; only the last one, the innermost, reports


def belongs_to(log):
    """Store the log file of this step; the console finds the step's state by it."""
    global _log
    _log = log


def state_file(folder, log):
    """Return the file that holds the state of the step with this log."""
    return Path(folder) / hashlib.sha256(str(log).encode()).hexdigest()[:16]


def duration(seconds):
    """Return a time as text: ``14 s``, ``3 min 20 s``, ``2 h 5 min``."""
    seconds = round(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    return f"{minutes // 60} h {minutes % 60} min"


class Progress:
    """Counts the work of a loop. A separate thread reports it, so that counting is cheap.

    Of nested loops, the innermost reports: after what the loops around it do.

    The thread writes a line to the log every `LOG_EVERY_S` seconds, even if the count stands still. A shorter
    loop writes none.

    Parameters
    ----------
    what : str
        What is done, for example ``epoch 2/5``.
    total : int, optional
        How much there is to do; None where that is not known.
    unit : str
        What is counted, in the plural.
    done : int
        Count at the start.
    note : callable, optional
        Returns a text to add, such as the dollars spent.

    Examples
    --------
    >>> with Progress("encoding", 3, "texts") as progress:
    ...     for text in ("a", "b", "c"):
    ...         progress.advance()
    """

    def __init__(self, what, total=None, unit="", done=0, note=None):
        self._note, self._end, self._thread = note, threading.Event(), None
        self.begin(what, total, unit, done)

    def begin(self, what, total=None, unit="", done=0):
        """Start a new count, such as the next epoch."""
        self.what, self.total, self.unit, self.done = what, total, unit, done
        self._before, self._started = done, time.monotonic()

    def advance(self, number=1):
        """Count `number` more as done."""
        self.done += number

    def __enter__(self):
        _open.append(self)
        self._thread = threading.Thread(target=self._report, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join()
        _open.remove(self)
        if (path := _state()) and not _open:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def line(self):
        """Return the line for the log: the count, the rate and the time left."""
        seconds, made = time.monotonic() - self._started, self.done - self._before
        rate = made / seconds if seconds > 0 else 0.0
        parts = [f"{self.what}: {self._count()}" if self.total or self.done else self.what]
        if made:
            parts.append(f"{rate:,.0f} a second" if rate >= 10 else f"{rate:.2g} a second")
        if made and self.total:
            parts.append(f"{duration((self.total - self.done) / rate)} left")
        if not made:
            parts.append(f"for {duration(seconds)}")
        return ", ".join([*self._around(), *parts, *self._notes()])

    def state(self):
        """Return the text for the console: ``epoch 2/5, 32%``."""
        share = f"{100 * self.done // self.total}%" if self.total else self._count() if self.done else ""
        return ", ".join(filter(None, [*self._around(), self.what, share, *self._notes()]))

    def _around(self):
        """Return what the open loops around this one do, such as ``trial 3/20`` around the epochs of a training."""
        return [other.what for other in _open[: _open.index(self)] if other.what] if self in _open else []

    def _count(self):
        total = f" of {self.total:,}" if self.total else ""
        return f"{self.done:,}{total} {self.unit}".rstrip()

    def _notes(self):
        return [self._note()] if self._note else []

    def _report(self):
        logged, path = time.monotonic(), _state()
        while not self._end.wait(min(LOG_EVERY_S, SHOW_EVERY_S) if path else LOG_EVERY_S):
            if _open[-1] is not self:
                continue
            if path:
                _write(path, self.state())
            if time.monotonic() - logged >= LOG_EVERY_S - SHOW_EVERY_S / 2:
                logged = time.monotonic()
                logging.info("%s", self.line())


def _state():
    """Return the file of this step's state, or None if no console shows it."""
    folder = os.environ.get(FOLDER)
    return state_file(folder, _log) if folder and _log else None


def _write(path, text):
    """Write a state atomically. A missing folder is no error: the run has ended, or the step is on another node."""
    temporary = path.with_suffix(".new")
    with contextlib.suppress(OSError):
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
