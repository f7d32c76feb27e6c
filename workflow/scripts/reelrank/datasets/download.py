"""Downloads that resume, are checked, and appear whole or not at all."""

import hashlib
import logging
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt

from reelrank.errors import InputError
from reelrank.files import read_json, write_json
from reelrank.progress import Progress
from reelrank.retries import growing_wait, retry_after

#: Some dataset servers answer 403 to the default names of HTTP libraries.
USER_AGENT = "reelrank/0.1 (research workflow; httpx)"

#: Statuses below 500 that may pass by themselves.
PASSING = frozenset({408, 425, 429})

#: Longest wait before another try, in seconds, also where the server asks for more.
MAX_WAIT_S = 60.0

#: What is wrong with the request itself, so that asking again does not help.
HOPELESS = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.TooManyRedirects)

#: The headers that tell one version of a file from another, by their name in the sidecar.
VERSION_HEADERS = {"etag": "ETag", "last_modified": "Last-Modified"}


class _TryAgainError(Exception):
    """This request failed; another one may not. `retry_after_s` is what the server asked for, or None."""

    def __init__(self, reason, retry_after_s=None):
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class _Job:
    """One file to fetch: where from, where to, and what is known of it beforehand."""

    url: str
    path: Path
    size: int | None
    digests: dict

    @property
    def part(self):
        """Where the bytes go until all are there."""
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def sidecar(self):
        """What the server said of the file that `part` is the beginning of."""
        return self.path.with_name(f"{self.path.name}.part.json")

    def received(self):
        """Return how many bytes are there."""
        return self.part.stat().st_size if self.part.exists() else 0

    def discard(self):
        """Forget what is there."""
        self.part.unlink(missing_ok=True)
        self.sidecar.unlink(missing_ok=True)


def fetch(url, path, *, size=None, sha256=None, md5=None, attempts=6, timeout_s=30.0, wait_s=1.0):
    """Download `url` to `path`, which appears only when it is complete and right.

    The bytes go to ``{path}.part``; another try, in this call or a later one, asks for
    the rest only. What is left of a file that has changed meanwhile is not used.

    Parameters
    ----------
    url : str
    path : str or Path
        Its folder is made if need be; a file that is there is replaced.
    size : int, optional
        Expected bytes; by default what the server says.
    sha256, md5 : str, optional
        Expected digests, as hexadecimal digits. A file that has others is fetched once more, in full.
    attempts : int
        Requests at most, for each of these two.
    timeout_s : float
        Longest silence of the server, in seconds.
    wait_s : float
        Wait before the second request, in seconds; doubled for each further one, with jitter.

    Raises
    ------
    InputError
        If the server refuses the file (at once) or fails `attempts` times, the file is not
        of the expected size or digests, or the disk has no room for it.
    """
    digests = {name: value.strip().lower() for name, value in (("sha256", sha256), ("md5", md5)) if value}
    job = _Job(url, Path(path), size, digests)
    job.path.parent.mkdir(parents=True, exist_ok=True)
    if size is not None:
        _check_disk(job, size)
    started = time.monotonic()
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}  # a coded body cannot be resumed or measured
    with httpx.Client(headers=headers, follow_redirects=True, timeout=timeout_s) as client:
        _receive(client, job, attempts, wait_s)
        if wrong := _wrong_digest(job):
            logging.warning("%s: %s; fetching it once more", url, wrong)
            job.discard()
            _receive(client, job, attempts, wait_s)
            if wrong := _wrong_digest(job):
                job.discard()
                raise InputError(f"{url}: {wrong}, twice; the file has changed or the config's digest is wrong")
    n_bytes = job.received()
    job.part.replace(job.path)
    job.sidecar.unlink(missing_ok=True)
    logging.info("%s: done, %d bytes in %.1f s", url, n_bytes, time.monotonic() - started)


def _receive(client, job, attempts, wait_s):
    """Send requests until the part file is complete."""
    retrying = Retrying(
        stop=stop_after_attempt(attempts),
        wait=growing_wait(wait_s, MAX_WAIT_S),
        retry=retry_if_exception_type(_TryAgainError),
        before_sleep=lambda state: logging.warning(
            "%s: %s; trying again in %.1f s", job.url, state.outcome.exception(), state.next_action.sleep
        ),
        reraise=True,
    )
    try:
        retrying(_request, client, job)
    except _TryAgainError as error:
        raise InputError(
            f"{job.url}: failed {attempts} times, the last time with: {error}; "
            f"{job.part} keeps {job.received()} bytes for the next run, or give the file by hand in raw_dir"
        ) from error


def _request(client, job):
    """Send one request, for the whole file or for the rest of it, and append its body to the part file."""
    offset, memory = _beginning(job)
    headers = {}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if validator := _validator(memory):
            headers["If-Range"] = validator
        logging.info("%s: resuming at byte %d", job.url, offset)
    else:
        logging.info("%s: starting", job.url)
    try:
        with client.stream("GET", job.url, headers=headers) as response:
            if response.status_code == 416 and offset:
                return _check_unsatisfiable(response, job, offset, memory)
            _check_status(response, job.url)
            if response.status_code == 206:
                total = _check_range(response, job, offset, memory)
            else:
                offset, total = 0, _begin(response, job)
            _write_body(response, job, offset, total)
    except HOPELESS as error:
        raise InputError(f"{job.url}: {type(error).__name__}: {error}; is the URL right?") from error
    except httpx.TransportError as error:
        raise _TryAgainError(f"{type(error).__name__}: {error}") from error


def _beginning(job):
    """Return how many bytes of the part file can be kept, and what the sidecar says of them; discard the others."""
    try:
        memory = read_json(job.sidecar)
    except (OSError, ValueError):
        memory = {}
    if not isinstance(memory, dict) or memory.get("url") != job.url:
        memory = {}
    # With neither, nothing would tell a splice of two versions of the file from one of them.
    trusted = _validator(memory) or job.digests
    if not trusted or (job.size is not None and job.received() > job.size):
        job.discard()
        memory = {}
    return job.received(), memory if job.size is None else memory | {"total": job.size}


def _validator(memory):
    """Return a value for If-Range, which takes a strong ETag or a date, or None."""
    etag = memory.get("etag")
    return etag if etag and not etag.startswith("W/") else memory.get("last_modified")


def _check_status(response, url):
    status = response.status_code
    if status in PASSING or status >= 500:
        raise _TryAgainError(f"status {status}", retry_after(response.headers, MAX_WAIT_S))
    if status not in (200, 206):
        moved = "the site may have been rearranged (set download.base_url of the dataset), or " if status == 404 else ""
        raise InputError(
            f"{url}: the server answered status {status} {response.reason_phrase}; expected the file: "
            f"{moved}the file could be fetched by hand and given in raw_dir"
        )
    coding = response.headers.get("Content-Encoding", "identity")
    if coding != "identity":
        raise InputError(f"{url}: the server sent the file coded as {coding}; expected it as it is")


def _begin(response, job):
    """Start the part file over for a whole file, remember its version, and return its size or None."""
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    if job.size is not None and total not in (None, job.size):
        raise InputError(f"{job.url}: the server offers {total} bytes; expected {job.size}")
    if total is not None:
        _check_disk(job, total)
    job.discard()
    version = {name: response.headers.get(header) for name, header in VERSION_HEADERS.items()}
    write_json(job.sidecar, {"url": job.url, **version, "total": total})
    return total if job.size is None else job.size


def _check_range(response, job, offset, memory):
    """Return the size of the file that a partial answer is from; raise unless it goes on where the part file ends."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if not found or int(found[1]) != offset:
        job.discard()
        raise _TryAgainError(f"asked for bytes {offset}-, got {response.headers.get('Content-Range')!r}; starting over")
    known = memory.get("total")
    total = known if found[3] == "*" else int(found[3])
    # Not every server knows If-Range.
    changed = (_differ(memory.get(name), response.headers.get(header)) for name, header in VERSION_HEADERS.items())
    if _differ(known, total) or any(changed):
        job.discard()
        raise _TryAgainError(f"the file on the server has changed (now {total} bytes, was {known}); starting over")
    return total


def _differ(before, now):
    return before is not None and now is not None and before != now


def _check_unsatisfiable(response, job, offset, memory):
    """Accept the part file that a server has no more bytes for if it is complete; else start over."""
    found = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", "").strip())
    stated = int(found[1]) if found else None
    if offset != memory.get("total") or _differ(stated, offset):
        job.discard()
        raise _TryAgainError(f"the server has no byte {offset} (of {stated}); starting over")


def _write_body(response, job, offset, total):
    """Append the body to the part file; raise unless it then has `total` bytes."""
    received = offset
    with Progress(job.path.name, total, "bytes", done=offset) as progress, open(job.part, "ab") as stream:
        # Chunks as they come: larger ones would lose their beginning when the connection is cut.
        for chunk in response.iter_raw():
            received += len(chunk)
            if total is not None and received > total:
                break
            stream.write(chunk)
            progress.advance(len(chunk))
    if total is not None and received > total:
        job.discard()
        raise InputError(f"{job.url}: the server sent more than the expected {total} bytes")
    if total is not None and received < total:
        raise _TryAgainError(f"the body ended at byte {received} of {total}")


def _wrong_digest(job):
    """Return what is wrong with the complete part file's digests, or None."""
    for name, expected in job.digests.items():
        with open(job.part, "rb") as stream:
            found = hashlib.file_digest(stream, name).hexdigest()
        if found != expected:
            return f"{name} is {found}; expected {expected}"
    return None


def _check_disk(job, size):
    needed, free = size - job.received(), shutil.disk_usage(job.path.parent).free
    if needed > free:
        raise InputError(f"{job.path}: needs {needed} more bytes; the disk has {free} free")
