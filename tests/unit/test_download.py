"""Downloads against a server on the loopback interface that cuts, lies, refuses and changes its mind."""

import hashlib
import io
import json
import logging
import random
import shutil
import socket
import time
from collections import namedtuple
from email.utils import formatdate

import pytest
from http_fixture import Loopback, Plan

from reelrank import download, step
from reelrank.download import fetch
from reelrank.errors import InputError

BODY = random.Random(0).randbytes(300_000)
OTHER = random.Random(1).randbytes(len(BODY))
SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()
CUT = 100_000


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Loopback(BODY) as loopback:
        yield loopback


@pytest.fixture
def path(tmp_path):
    return tmp_path / "raw" / "file.bin"


def get(server, path, **options):
    fetch(server.url, path, **{"wait_s": 0.001, "timeout_s": 5.0, "attempts": 3} | options)


def check_whole(path):
    """The file is there, and nothing else is."""
    assert path.read_bytes() == BODY
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


def fail(server, path, match, **options):
    with pytest.raises(InputError, match=match) as caught:
        get(server, path, **options)
    assert not path.exists()
    assert server.url in str(caught.value)
    return str(caught.value)


def part_of(path):
    return path.with_name(f"{path.name}.part")


@pytest.mark.parametrize(
    "known", [{}, {"size": len(BODY)}, {"sha256": SHA256}, {"sha256": SHA256.upper(), "md5": MD5, "size": len(BODY)}]
)
def test_one_request_fetches_the_whole_file(server, path, known, caplog):
    caplog.set_level(logging.INFO)
    get(server, path, **known)
    check_whole(path)
    assert server.ranges == [None]
    assert server.requests[0].headers["User-Agent"] == download.USER_AGENT
    assert server.requests[0].headers["Accept-Encoding"] == "identity"
    assert f"{server.url}: starting" in caplog.text
    assert f"done, {len(BODY)} bytes in" in caplog.text


def test_an_empty_file_and_a_file_that_is_replaced(server, path):
    server.body = b""
    get(server, path, size=0, md5=hashlib.md5(b"").hexdigest())
    assert path.read_bytes() == b""
    server.body = BODY
    get(server, path)
    check_whole(path)


def test_a_redirect_is_followed(server, path):
    server.plans = [Plan(status=302, headers={"Location": "/elsewhere.bin"})]
    get(server, path)
    check_whole(path)
    assert [seen.path for seen in server.requests] == ["/file.bin", "/elsewhere.bin"]


@pytest.mark.parametrize("known", [{}, {"sha256": SHA256}])
def test_a_cut_connection_is_resumed_where_it_broke(server, path, known, caplog):
    caplog.set_level(logging.INFO)
    server.plans = [Plan(cut_after=CUT), Plan(cut_after=50_000)]
    get(server, path, **known)
    check_whole(path)
    assert server.ranges == [None, f"bytes={CUT}-", f"bytes={CUT + 50_000}-"]
    assert [seen.status for seen in server.requests] == [200, 206, 206]
    assert [seen.sent for seen in server.requests] == [CUT, 50_000, len(BODY) - CUT - 50_000]
    assert [seen.headers.get("If-Range") for seen in server.requests] == [None, '"1"', '"1"']
    assert f"resuming at byte {CUT}" in caplog.text
    assert "RemoteProtocolError" in caplog.text


def test_a_later_call_resumes_what_an_earlier_one_left(server, path):
    server.default = Plan(cut_after=CUT)
    message = fail(server, path, "failed 2 times", attempts=2)
    assert f"{part_of(path)} keeps {2 * CUT} bytes" in message
    assert part_of(path).read_bytes() == BODY[: 2 * CUT]
    server.default = Plan()
    get(server, path)
    check_whole(path)
    assert server.ranges == [None, f"bytes={CUT}-", f"bytes={2 * CUT}-"]
    assert server.requests[-1].sent == len(BODY) - 2 * CUT


def test_a_date_is_used_where_the_etag_is_weak(server, path):
    date = formatdate(0, usegmt=True)
    server.default = Plan(headers={"ETag": 'W/"1"', "Last-Modified": date})
    server.plans = [Plan(headers=server.default.headers, cut_after=CUT)]
    get(server, path)
    check_whole(path)
    assert server.requests[1].headers["If-Range"] == date
    assert server.requests[1].status == 206


@pytest.mark.parametrize("known", [{}, {"md5": MD5}])
def test_without_a_version_only_a_digest_makes_a_resume_safe(server, path, known):
    server.default = Plan(headers={"ETag": None})
    server.plans = [Plan(headers={"ETag": None}, cut_after=CUT)]
    get(server, path, **known)
    check_whole(path)
    assert server.ranges == [None, f"bytes={CUT}-" if known else None]


def test_a_server_without_ranges_sends_all_again(server, path):
    server.plans = [Plan(cut_after=CUT)]
    server.default = Plan(ranges=False)
    get(server, path)
    check_whole(path)
    assert [(seen.range, seen.status) for seen in server.requests] == [(None, 200), (f"bytes={CUT}-", 200)]


@pytest.mark.parametrize("if_ranges", [True, False])
def test_a_changed_file_is_not_spliced(server, path, if_ranges):
    server.body = OTHER
    server.default = Plan(cut_after=CUT)
    fail(server, path, "failed 1 times", attempts=1)
    server.body, server.version, server.default = BODY, "2", Plan(if_ranges=if_ranges)
    get(server, path)
    check_whole(path)
    statuses = [seen.status for seen in server.requests[1:]]
    assert statuses == ([200] if if_ranges else [206, 200])
    assert server.requests[1].headers["If-Range"] == '"1"'


def test_a_changed_length_is_noticed_without_a_changed_version(server, path):
    server.body = OTHER + b"more"
    server.plans = [Plan(cut_after=CUT)]
    fail(server, path, "failed 1 times", attempts=1)
    server.body = BODY
    get(server, path)
    check_whole(path)
    assert [seen.status for seen in server.requests] == [200, 206, 200]


@pytest.mark.parametrize("value", ["bytes 0-299999/300000", "bytes 99999-299999/300000", "nonsense", None])
def test_a_wrong_content_range_starts_over(server, path, value):
    server.plans = [Plan(cut_after=CUT), Plan(headers={"Content-Range": value})]
    get(server, path)
    check_whole(path)
    assert server.ranges == [None, f"bytes={CUT}-", None]


def test_a_complete_part_is_accepted_at_416(server, path):
    get(server, path)
    path.rename(part_of(path))
    sidecar = {"url": server.url, "etag": '"1"', "last_modified": None, "total": len(BODY)}
    part_of(path).with_name("file.bin.part.json").write_text(json.dumps(sidecar))
    get(server, path)
    check_whole(path)
    assert [(seen.range, seen.status) for seen in server.requests] == [(None, 200), (f"bytes={len(BODY)}-", 416)]


@pytest.mark.parametrize("total", [len(BODY) + 50, None])
def test_a_part_of_another_size_starts_over_at_416(server, path, total):
    path.parent.mkdir()
    part_of(path).write_bytes(OTHER + bytes(50))
    sidecar = {"url": server.url, "etag": '"1"', "last_modified": None, "total": total}
    part_of(path).with_name("file.bin.part.json").write_text(json.dumps(sidecar))
    get(server, path)
    check_whole(path)
    assert [seen.status for seen in server.requests] == [416, 200]


@pytest.mark.parametrize("sidecar", [None, "{not json", "[]", '{"url": "http://another", "etag": "1"}'])
def test_a_part_of_unknown_origin_is_not_used(server, path, sidecar):
    path.parent.mkdir()
    part_of(path).write_bytes(OTHER[:CUT])
    if sidecar is not None:
        part_of(path).with_name("file.bin.part.json").write_text(sidecar)
    get(server, path)
    check_whole(path)
    assert server.ranges == [None]


def test_a_part_beyond_the_known_size_is_not_used(server, path):
    get(server, path)
    part_of(path).write_bytes(path.read_bytes() + b"more")
    path.unlink()
    get(server, path, size=len(BODY), sha256=SHA256)
    check_whole(path)
    assert server.ranges == [None, None]


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


def test_retry_after_may_be_a_date_or_nonsense():
    assert download._retry_after_s("7") == 7.0
    assert download._retry_after_s("3600") == 60.0
    assert 25.0 < download._retry_after_s(formatdate(time.time() + 30, usegmt=True)) <= 30.0
    assert download._retry_after_s(formatdate(0, usegmt=True)) == 0.0
    assert download._retry_after_s("soon") == download._retry_after_s("") == 0.0


def test_waits_double(server, path, monkeypatch):
    waits = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    server.default = Plan(status=500)
    fail(server, path, "failed 4 times", attempts=4, wait_s=10.0)
    assert [low <= wait <= low + 10 for low, wait in zip((10, 20, 40), waits, strict=True)] == [True] * 3


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
    fail(server, path, "coded as gzip")
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
    with pytest.raises(InputError, match=f"needs {len(BODY)} more bytes; the disk has {len(BODY) - 1} free"):
        get(server, path, **known)
    assert len(server.requests) == n_requests
    assert list(path.parent.iterdir()) == []


def test_the_bar_goes_to_the_terminal_and_starts_at_the_resumed_byte(server, path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    for terminal, options, shown in (
        (Terminal(), {}, True),
        (Terminal(), {"progress": False}, False),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"progress": True}, True),
    ):
        monkeypatch.setattr(step, "terminal", terminal)
        server.requests.clear()
        server.plans = [Plan(cut_after=CUT)]
        get(server, path, **options)
        assert ("file.bin" in terminal.getvalue()) == shown
        assert ("100k/300k" in terminal.getvalue()) == shown
