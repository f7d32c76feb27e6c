"""Archives that are bombs, damaged, cut, or none."""

import io
import random
import zipfile

import pytest
from archive_fixture import (
    FILES,
    Pipe,
    contents,
    fail,
    out,  # noqa: F401 - a fixture
    pack,
    split,
)

from reelrank.datasets import archives
from reelrank.datasets.archives import check_parts, extract
from reelrank.errors import InputError


@pytest.mark.parametrize("options", [{}, {"members": {"a"}}])
def test_limits_of_bytes_members_and_ratio(tmp_path, out, options):
    parts = split(pack({"a": b"1", "zeros": bytes(10_000_000)}), tmp_path / "in", 2)
    fail(parts, out, "member 'zeros': more than .*its packed size allows.*zip bomb", **options)
    fail(
        parts, out, r"member 'zeros': more than 9999999 .*\(the limit\)", max_ratio=1e4, max_bytes=9_999_999, **options
    )
    fail(parts, out, "more than 1 members", max_ratio=1e4, max_members=1, **options)
    extract(parts, out, max_ratio=1e4, max_bytes=10_000_001, max_members=2, **options)


def test_a_bomb_is_stopped_early_whatever_its_header_says(tmp_path, out, monkeypatch):
    data = bytearray(pack({"bomb": bytes(50_000_000)}))
    data[22:26] = (1).to_bytes(4, "little")  # the unpacked size in the local header
    written = []
    count = archives._Limits.count_bytes
    monkeypatch.setattr(
        archives._Limits, "count_bytes", lambda self, n, name: (written.append(n), count(self, n, name))
    )
    fail(split(bytes(data), tmp_path / "in", 1), out, "zip bomb", max_bytes=3_000_000)
    assert sum(written) < 6_000_000


def test_a_lying_header_is_an_error(tmp_path, out):
    data = bytearray(pack({"a": b"some text"}))
    data[22:26] = (1).to_bytes(4, "little")
    fail(split(bytes(data), tmp_path / "in", 1), out, "member 'a': damaged.*UncompressedSizeIntegrityError")


def test_a_flipped_byte_is_noticed(tmp_path, out):
    data = pack({"a": b"first", "b": b"second"}, zipfile.ZIP_STORED).replace(b"second", b"sec0nd")
    fail(split(data, tmp_path / "in", 1), out, "member 'b': damaged.*CRC32IntegrityError")


def test_a_missing_part_is_named_before_anything_is_read(tmp_path, out, monkeypatch):
    monkeypatch.setattr(archives, "stream_unzip", None)
    parts = split(pack(FILES), tmp_path / "in", 5)
    parts[2].unlink()
    fail(parts, out, r"missing: .*frames\.z03$")
    fail([*parts[:2], *parts[3:]], out, r"frames\.z03 of the split archive is missing; found frames\.z04")
    fail([*parts[1::-1], *parts[2:]], out, r"frames\.z01 of .* found frames\.z02")
    fail([tmp_path / "none.zip"], out, r"missing: .*none\.zip$")
    with pytest.raises(InputError, match="expected at least one"):
        extract([], out)
    check_parts(split(pack(FILES), tmp_path / "in", 5))


def test_the_last_part_of_a_split_archive_is_not_an_archive(tmp_path, out):
    noise = {"a": random.Random(0).randbytes(10_000)}
    parts = split(pack(noise), tmp_path / "in", 3)
    fail(parts[-1:], out, "the first member: damaged, truncated or not a zip archive")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>" * 5, b"PK\x03\x04"])
def test_another_file_is_not_an_archive(tmp_path, out, content):
    archive = tmp_path / "in.zip"
    archive.write_bytes(content)
    fail([archive], out, "not a zip archive")


def test_a_whole_member_that_is_missing_is_noticed(tmp_path, out):
    data = pack({"a": b"1", "b": b"2"}, zipfile.ZIP_STORED)
    begin = data.index(b"PK\x03\x04", 1)
    end = data.index(b"PK\x01\x02")
    fail(split(data[:begin] + data[end:], tmp_path / "in", 1), out, "found 1 members; expected 2")


def test_the_end_of_an_archive_within_the_archive_is_not_taken_for_its_own(tmp_path, out):
    data = pack({"inner.zip": pack({"a": b"1"})}, zipfile.ZIP_STORED)
    fail(split(data[: data.rindex(b"PK\x01\x02")], tmp_path / "in", 1), out, "after member 'inner.zip'")


def test_an_encrypted_member_and_one_without_its_size(tmp_path, out):
    encrypted = bytearray(pack({"a": b"secret"}))
    encrypted[6] |= 1
    fail(split(bytes(encrypted), tmp_path / "in", 1), out, "encrypted; expected a plain zip")

    piped = pack({"a": b"text"}, zipfile.ZIP_STORED, buffer=Pipe())
    fail(split(piped, tmp_path / "in", 1), out, "unpack the archive and pack it again")


def test_an_archive_written_to_a_pipe_is_read(tmp_path, out):
    extract(split(pack(FILES, buffer=Pipe()), tmp_path / "in", 3), out)
    assert contents(out) == FILES


def test_a_zip64_archive(tmp_path, out):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(b"text")
    extract(split(buffer.getvalue(), tmp_path / "in", 2), out)
    assert contents(out) == {"a": b"text"}
