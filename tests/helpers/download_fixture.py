"""A loopback server of one file, and what a finished or failed download looks like."""

import hashlib
import random

import pytest
from http_fixture import Loopback

from reelrank.datasets.download import fetch
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
