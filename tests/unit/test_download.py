"""Downloads from a server on the loopback interface that refuses, lies, is silent and serves corrupted files."""

import hashlib
import shutil
import socket
import time
from collections import namedtuple

import pytest
from download_fixture import BODY, CUT, MD5, OTHER, SHA256, check_whole, fail, get, part_of, path, server  # noqa: F401 - fixtures
from http_fixture import Plan

from reelrank.datasets import download
from reelrank.datasets.download import fetch
from reelrank.errors import InputError
from reelrank.progress import Progress


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_a_passing_status_is_tried_again(server, path, status, caplog):
    server.plans = [Plan(status=status)] * 2
    get(server, path)
    check_whole(path)
    assert len(server.requests) == 3
    assert f"status {status}; trying again in" in caplog.text


def test_a_failing_server_is_asked_so_many_times(server, path):
    server.default = Plan(status=503)
    fail(server, path, "failed 4 times.*status 503", attempts=4)
    assert len(server.requests) == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 416])
def test_a_refusal_is_final(server, path, status):
    server.default = Plan(status=status)
    message = fail(server, path, f"status {status}.*raw_dir")
    assert ("download.base_url" in message) == (status == 404)
    assert len(server.requests) == 1
    assert list(path.parent.iterdir()) == []


def test_the_default_name_of_a_library_would_be_refused(server, path, monkeypatch):
    monkeypatch.setattr(download, "USER_AGENT", "python-httpx/0.28")
    fail(server, path, "status 403 Forbidden")


def test_retry_after_is_waited_for(server, path):
    server.plans = [Plan(status=429, headers={"Retry-After": "1"})]
    started = time.monotonic()
    get(server, path)
    assert time.monotonic() - started >= 1.0
    check_whole(path)


def test_retry_after_is_capped(server, path, monkeypatch):
    monkeypatch.setattr(download, "MAX_WAIT_S", 0.01)
    server.plans = [Plan(status=503, headers={"Retry-After": "3600"})]
    started = time.monotonic()
    get(server, path)
    assert time.monotonic() - started < 5.0
    check_whole(path)


def test_waits_double(server, path, monkeypatch):
    waits = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    server.default = Plan(status=500)
    fail(server, path, "failed 4 times", attempts=4, wait_s=10.0)
    assert [most / 2 <= wait <= most for most, wait in zip((10, 20, 40), waits, strict=True)] == [True] * 3


def test_a_silent_server_is_tried_again(server, path):
    server.plans = [Plan(silence_s=0.5)]
    get(server, path, timeout_s=0.1)
    check_whole(path)
    assert len(server.requests) == 2


def test_nobody_listens(path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InputError, match=r"failed 2 times.*ConnectError"):
        fetch(f"http://127.0.0.1:{port}/x", path, attempts=2, wait_s=0.001)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "no url", "http://127.0.0.1:port/x"])
def test_a_bad_url_is_final(path, url):
    started = time.monotonic()
    with pytest.raises(InputError, match="is the URL right"):
        fetch(url, path, attempts=2, wait_s=5.0)
    assert time.monotonic() - started < 2.0


@pytest.mark.parametrize("known", [{}, {"sha256": SHA256}])
def test_a_content_length_beyond_the_body_is_an_error(server, path, known):
    server.default = Plan(headers={"Content-Length": len(BODY) + 50}, ranges=False)
    fail(server, path, "failed 3 times", **known)
    assert len(server.requests) == 3
    server.requests.clear()
    server.default, server.plans = Plan(), [Plan(headers={"Content-Length": len(BODY) + 50})]
    get(server, path, **known)  # the part is kept, but the server has no more of it
    check_whole(path)


@pytest.mark.parametrize("size", [len(BODY) - 1, len(BODY) + 1])
def test_another_size_than_the_known_one_is_final(server, path, size):
    fail(server, path, f"offers {len(BODY)} bytes; expected {size}", size=size)
    assert len(server.requests) == 1


def test_a_body_of_unsaid_length_is_held_to_the_known_size(server, path):
    unsaid = {"Content-Length": None}
    server.default = Plan(headers=unsaid)
    get(server, path, size=len(BODY))
    check_whole(path)
    path.unlink()
    fail(server, path, "more than the expected 200000 bytes", size=200_000)
    assert len(server.requests) == 2
    assert list(path.parent.iterdir()) == []
    server.plans = [Plan()] * 2 + [Plan(headers=unsaid, cut_after=CUT)]
    get(server, path, size=len(BODY))
    check_whole(path)
    assert server.ranges[2:] == [None, f"bytes={CUT}-"]


def test_a_coded_body_is_refused(server, path):
    server.default = Plan(headers={"Content-Encoding": "gzip"})
    fail(server, path, "encoded as gzip")
    assert len(server.requests) == 1


@pytest.mark.parametrize("known", [{"sha256": SHA256}, {"md5": MD5}])
def test_a_file_corrupted_once_is_fetched_again_in_full(server, path, known, caplog):
    server.plans = [Plan(body=OTHER)]
    get(server, path, **known)
    check_whole(path)
    assert server.ranges == [None, None]
    assert hashlib.new(next(iter(known)), OTHER).hexdigest() in caplog.text


@pytest.mark.parametrize(("name", "digest"), [("sha256", SHA256), ("md5", MD5)])
def test_a_file_corrupted_twice_is_an_error(server, path, name, digest):
    server.default = Plan(body=OTHER)
    message = fail(server, path, "twice", **{name: digest})
    assert digest in message
    assert hashlib.new(name, OTHER).hexdigest() in message
    assert server.ranges == [None, None]
    assert list(path.parent.iterdir()) == []


def test_a_part_corrupted_on_disk_is_fetched_again(server, path):
    path.parent.mkdir()
    part_of(path).write_bytes(OTHER[:CUT])
    get(server, path, sha256=SHA256)
    check_whole(path)
    assert server.ranges == [f"bytes={CUT}-", None]


@pytest.mark.parametrize(("known", "n_requests"), [({"size": len(BODY)}, 0), ({}, 1)])
def test_a_full_disk_is_noticed_before_the_body(server, path, known, n_requests, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, len(BODY) - 1))
    with pytest.raises(InputError, match=f"found {len(BODY) - 1} bytes free on the disk; expected {len(BODY)} or more"):
        get(server, path, **known)
    assert len(server.requests) == n_requests
    assert list(path.parent.iterdir()) == []


def test_progress_starts_at_the_resumed_byte(server, path, monkeypatch):
    seen = []

    class Watched(Progress):
        def __exit__(self, *error):
            seen.append((self.what, self._before, self.done, self.total))
            super().__exit__(*error)

    monkeypatch.setattr(download, "Progress", Watched)
    server.plans = [Plan(cut_after=CUT)]
    get(server, path)
    assert seen == [("file.bin", 0, CUT, len(BODY)), ("file.bin", CUT, len(BODY), len(BODY))]
