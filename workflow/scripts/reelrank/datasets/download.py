"""Downloads that can resume, are checked, and appear complete or not at all."""

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

#: Some dataset servers answer 403 to the default user agents of HTTP libraries.
USER_AGENT = "reelrank/0.1 (research workflow; httpx)"

#: Statuses below 500 after which another try may succeed.
TEMPORARY = frozenset({408, 425, 429})

#: Longest wait before another try, in seconds, even if the server asks for more.
MAX_WAIT_S = 60.0

#: Errors of the request itself; another try does not help.
PERMANENT = (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError, httpx.TooManyRedirects)

#: The headers that identify the version of a file, by their names in the sidecar.
VERSION_HEADERS = {"etag": "ETag", "last_modified": "Last-Modified"}


class _TryAgainError(Exception):
    """This request failed, but another try may succeed. `retry_after_s` is the wait the server asked for, or None."""

    def __init__(self, reason, retry_after_s=None):
        super().__init__(reason)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class _Job:
    """One file to download: its address, its path, and its expected size and digests."""

    url: str
    path: Path
    size: int | None
    digests: dict

    @property
    def part(self):
        """The path of the incomplete file."""
        return self.path.with_name(f"{self.path.name}.part")

    @property
    def sidecar(self):
        """The path of the headers (version, size) that belong to `part`."""
        return self.path.with_name(f"{self.path.name}.part.json")

    def received(self):
        """Return the number of bytes received so far."""
        return self.part.stat().st_size if self.part.exists() else 0

    def discard(self):
        """Delete the incomplete file and its sidecar."""
        self.part.unlink(missing_ok=True)
        self.sidecar.unlink(missing_ok=True)


def fetch(url, path, *, size=None, sha256=None, md5=None, attempts=6, timeout_s=30.0, wait_s=1.0):
    """Download `url` to `path`, which appears only if it is complete and correct.

    The bytes go to ``{path}.part``. Another try, in this call or a later one, requests only
    the rest. If the file on the server has changed meanwhile, the download starts over.

    Parameters
    ----------
    url : str
    path : str or Path
        Its folder is made if it does not exist; an existing file is replaced.
    size : int, optional
        Expected size in bytes. Default: the size that the server states.
    sha256, md5 : str, optional
        Expected digests in hexadecimal. If one differs, the whole file is downloaded once more.
    attempts : int
        Maximum number of requests for each of the two downloads.
    timeout_s : float
        Longest silence of the server, in seconds.
    wait_s : float
        Wait before the second request, in seconds; doubled for each further one, with jitter.

    Raises
    ------
    InputError
        If the server refuses the file (at once) or fails `attempts` times, if the size or a
        digest differs, or if the disk is too small.
    """
    digests = {name: value.strip().lower() for name, value in (("sha256", sha256), ("md5", md5)) if value}
    job = _Job(url, Path(path), size, digests)
    job.path.parent.mkdir(parents=True, exist_ok=True)
    if size is not None:
        _check_disk(job, size)
    started = time.monotonic()
    headers = {
        "User-Agent": USER_AGENT,
        "Accept-Encoding": "identity",
    }  # a compressed body cannot be resumed or measured
    with httpx.Client(headers=headers, follow_redirects=True, timeout=timeout_s) as client:
        _receive(client, job, attempts, wait_s)
        if wrong := _wrong_digest(job):
            logging.warning("%s: %s; downloading it once more", url, wrong)
            job.discard()
            _receive(client, job, attempts, wait_s)
            if wrong := _wrong_digest(job):
                job.discard()
                raise InputError(
                    f"{url}: {wrong} (tried twice); the file has changed, or the digest in the config is wrong"
                )
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
            f"{job.url}: failed {attempts} times, the last time with: {error}; start again to resume from the "
            f"{job.received()} bytes in {job.part}, or put the file into raw_dir yourself"
        ) from error


def _request(client, job):
    """Send one request, for the whole file or for its rest, and append the body to the part file."""
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
    except PERMANENT as error:
        raise InputError(f"{job.url}: {type(error).__name__}: {error}; is the URL right?") from error
    except httpx.TransportError as error:
        raise _TryAgainError(f"{type(error).__name__}: {error}") from error


def _beginning(job):
    """Return the number of usable bytes in the part file and the sidecar's content; delete an unusable part file."""
    try:
        memory = read_json(job.sidecar)
    except (OSError, ValueError):
        memory = {}
    if not isinstance(memory, dict) or memory.get("url") != job.url:
        memory = {}
    # Without a validator or a digest, a mix of two versions of the file would go unnoticed.
    trusted = _validator(memory) or job.digests
    if not trusted or (job.size is not None and job.received() > job.size):
        job.discard()
        memory = {}
    return job.received(), memory if job.size is None else memory | {"total": job.size}


def _validator(memory):
    """Return a value for the header If-Range (a strong ETag or a date), or None."""
    etag = memory.get("etag")
    return etag if etag and not etag.startswith("W/") else memory.get("last_modified")


def _check_status(response, url):
    status = response.status_code
    if status in TEMPORARY or status >= 500:
        raise _TryAgainError(f"status {status}", retry_after(response.headers, MAX_WAIT_S))
    if status not in (200, 206):
        moved = "set download.base_url of the dataset if the site has moved, or " if status == 404 else ""
        raise InputError(
            f"{url}: found status {status} {response.reason_phrase}; expected the file; "
            f"{moved}download the file yourself and put it into raw_dir"
        )
    coding = response.headers.get("Content-Encoding", "identity")
    if coding != "identity":
        raise InputError(f"{url}: found the file encoded as {coding}; expected it without encoding")


def _begin(response, job):
    """Start a new part file for a whole file, save its version, and return its size or None."""
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
    """Return the full size of the file; raise unless the partial answer begins where the part file ends."""
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if not found or int(found[1]) != offset:
        job.discard()
        raise _TryAgainError(f"asked for bytes {offset}-, got {response.headers.get('Content-Range')!r}; starting over")
    known = memory.get("total")
    total = known if found[3] == "*" else int(found[3])
    # Some servers ignore If-Range.
    changed = (_differ(memory.get(name), response.headers.get(header)) for name, header in VERSION_HEADERS.items())
    if _differ(known, total) or any(changed):
        job.discard()
        raise _TryAgainError(f"the file on the server has changed (now {total} bytes, was {known}); starting over")
    return total


def _differ(before, now):
    return before is not None and now is not None and before != now


def _check_unsatisfiable(response, job, offset, memory):
    """Accept a complete part file if the server has no more bytes; else start over."""
    found = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", "").strip())
    stated = int(found[1]) if found else None
    if offset != memory.get("total") or _differ(stated, offset):
        job.discard()
        raise _TryAgainError(f"the server has no byte {offset} (of {stated}); starting over")


def _write_body(response, job, offset, total):
    """Append the body to the part file; raise unless the file then has `total` bytes."""
    received = offset
    with Progress(job.path.name, total, "bytes", done=offset) as progress, open(job.part, "ab") as stream:
        # Write chunks as they arrive: a larger buffer would be lost if the connection breaks.
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
    """Return the first wrong digest of the complete part file as text, or None."""
    for name, expected in job.digests.items():
        with open(job.part, "rb") as stream:
            found = hashlib.file_digest(stream, name).hexdigest()
        if found != expected:
            return f"{name} is {found}; expected {expected}"
    return None


def _check_disk(job, size):
    needed, free = size - job.received(), shutil.disk_usage(job.path.parent).free
    if needed > free:
        raise InputError(f"{job.path}: found {free} bytes free on the disk; expected {needed} or more")
