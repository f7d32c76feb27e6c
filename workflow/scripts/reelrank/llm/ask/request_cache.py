"""A cache of paid answers, one file per request key, and a journal of sent requests.

There are no locks, so it works on network file systems and for parallel jobs: an answer is
written to a temporary file and renamed, and each process has its own journal. After a
kill at any moment all answers are complete, and the journal shows which requests were
sent without an answer.
"""

import itertools
import json
import os
import socket
import time
import uuid
from dataclasses import asdict
from pathlib import Path

from reelrank.cache import cache_folder, cannot_write, shared_folders
from reelrank.llm.messages import Answer


class AnswerCache:
    """Answers by the key of their request.

    Parameters
    ----------
    folder : str or Path, optional
    shared : sequence of path, optional
        Read if `folder` has no answer. The defaults of both come from `reelrank.cache`.
    """

    def __init__(self, folder=None, shared=None):
        self.folder = Path(folder or cache_folder())
        self.folders = [self.folder, *map(Path, shared_folders() if shared is None else shared)]
        self._made = set()
        self._count = itertools.count()
        self._own = f"{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex[:6]}"

    def get(self, key):
        """Return the record of an answer (see `put`), or None if the file is missing or incomplete."""
        for folder in self.folders:
            try:
                with open(f"{folder}/answers/{key[:2]}/{key}.json", "rb") as file:
                    record = json.loads(file.read())
                if record["key"] == key:
                    return record
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return None

    def put(self, key, answer, run):
        """Write an answer atomically.

        Parameters
        ----------
        key : str
        answer : Answer
        run : str
            Name of the journal with the request.
        """
        record = {"key": key, "run": run, **asdict(answer)}
        self._publish(f"answers/{key[:2]}", f"{key}.json", record)

    def read_probe(self, name):
        """Return the cached probe of a server, or None."""
        for folder in self.folders:
            try:
                return json.loads((folder / "probes" / f"{name}.json").read_bytes())
            except (OSError, ValueError):
                continue
        return None

    def write_probe(self, name, found):
        """Write the probe of a server."""
        self._publish("probes", f"{name}.json", found)

    def check_writable(self):
        """Raise `InputError` if the cache cannot be written; called before any request is sent."""
        try:
            self._publish("probes", f".writable.{self._own}", {})
            (self.folder / "probes" / f".writable.{self._own}").unlink()
        except OSError as error:
            raise cannot_write(self.folder, "answers", error) from None

    def _publish(self, place, name, record):
        folder = f"{self.folder}/{place}"
        if place not in self._made:
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - this runs for every answer
            self._made.add(place)
        temporary = f"{folder}/.{name}.{self._own}.{next(self._count)}.tmp"
        try:
            with open(temporary, "wb") as file:
                file.write(json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace"))
            os.replace(temporary, f"{folder}/{name}")  # noqa: PTH105
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def answer_of(record):
    """Return the `Answer` of a cached record."""
    return Answer(**{name: value for name, value in record.items() if name not in ("key", "run")})


class Journal:
    """The requests of one process: one line before a request is sent, and one when its outcome is known.

    Parameters
    ----------
    cache : AnswerCache
    job : str
        Name of the job, e.g. ``sample/leave_one_out/nfm/seed1/gpt-4o-mini``. A budget covers
        all runs of a job.
    """

    def __init__(self, cache, job):
        self.folder = cache.folder / "journals" / job
        self.run = f"{time.strftime('%Y%m%dT%H%M%S')}-{uuid.uuid4().hex[:8]}"
        self._file = None

    def note(self, event, key, attempt, **details):
        """Append one line; the first line creates the file."""
        if self._file is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self.folder / f"{self.run}.jsonl"
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        line = json.dumps({"event": event, "key": key, "attempt": attempt, **details}) + "\n"
        os.write(self._file, line.encode())

    def close(self):
        """Close the file, if there is one."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read_journals(cache, job):
    """Return totals of the requests of all runs of a job.

    Parameters
    ----------
    cache : AnswerCache
    job : str

    Returns
    -------
    dict
        ``runs``, ``sent``, ``answered``, ``failed`` (certainly not answered), ``unknown``
        (list of ``key:attempt``: sent, outcome unknown), ``input_tokens``, ``output_tokens``,
        ``usd`` and ``usd_unknown`` (maximum cost of requests with unknown outcome).
    """
    total = {
        "runs": 0, "sent": 0, "answered": 0, "failed": 0, "unknown": [],
        "input_tokens": 0, "output_tokens": 0, "usd": 0.0, "usd_unknown": 0.0,
    }  # fmt: skip
    folder = cache.folder / "journals" / job
    for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
        total["runs"] += 1
        open_requests = {}
        for line in path.read_bytes().split(b"\n"):
            try:
                note = json.loads(line)
                place = note["key"], note["attempt"]
            except (ValueError, KeyError, TypeError):
                continue  # the last line of a process that was killed
            _count(total, open_requests, place, note)
        for (key, attempt), note in open_requests.items():
            _count_open(total, cache.get(key), path.stem, key, attempt, note)
    return total


def _count(total, open_requests, place, note):
    if note["event"] == "sent":
        total["sent"] += 1
        open_requests[place] = note
        return
    sent = open_requests.get(place, {})
    if note["event"] == "unknown":
        return  # stays open: the connection was lost before the answer came
    open_requests.pop(place, None)
    if note["event"] == "answered":
        total["answered"] += 1
        for name in ("input_tokens", "output_tokens", "usd"):
            total[name] += note.get(name) or 0
    elif sent:
        total["failed"] += 1


def _count_open(total, record, run, key, attempt, note):
    """Count a request without a final line: answered if its answer is cached, else with unknown outcome."""
    if record and record.get("run") == run and record.get("attempt") == attempt:
        total["answered"] += 1
        total["input_tokens"] += record["input_tokens"]
        total["output_tokens"] += record["output_tokens"]
        total["usd"] += note.get("usd_bound") or 0  # the exact cost is lost; this is its maximum
    else:
        total["unknown"].append(f"{key}:{attempt}")
        total["usd_unknown"] += note.get("usd_bound") or 0
