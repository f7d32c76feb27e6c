"""Whole and resumed downloads: what was received is asked for once, and versions are never spliced."""

import hashlib
import json
import logging
from email.utils import formatdate

import pytest
from download_fixture import BODY, CUT, MD5, OTHER, SHA256, check_whole, fail, get, part_of, path, server  # noqa: F401 - fixtures
from http_fixture import Plan

from reelrank.datasets import download


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
    assert f"{2 * CUT} bytes in {part_of(path)}" in message
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
