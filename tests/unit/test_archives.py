"""Archives: whole, split, cut, hostile."""

import io
import logging
import random
import shutil
import stat
import subprocess
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelrank import archives
from reelrank.archives import check_parts, extract
from reelrank.errors import InputError

FILES = {
    "covers/1.jpg": b"first" * 100,
    "covers/2.jpg": bytes(range(256)) * 20,
    "covers/more/3.jpg": b"",
    "titre été 🎬.txt": b"text",
}


class Pipe(io.BytesIO):
    """A file that cannot be gone back in: sizes come after the members, not before."""

    def seekable(self):
        return False

    def tell(self):
        raise OSError


def pack(members, compression=zipfile.ZIP_DEFLATED, comment=b"", buffer=None):
    """Return a zip of `members`, a mapping or pairs of name (or ZipInfo) and content."""
    buffer = io.BytesIO() if buffer is None else buffer
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
        archive.comment = comment
    return buffer.getvalue()


def split(data, folder, n, name="frames"):
    """Write `data` as `n` parts, as a splitting writer would, and return their paths in order."""
    folder.mkdir(parents=True, exist_ok=True)
    if n > 1:
        data = b"PK\x07\x08" + data
    names = [f"{name}.z{i:02d}" for i in range(1, n)] + [f"{name}.zip"]
    bounds = [len(data) * i // n for i in range(n + 1)]
    for part, begin, end in zip(names, bounds, bounds[1:], strict=False):
        (folder / part).write_bytes(data[begin:end])
    return [folder / part for part in names]


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out" / "frames"


def fail(parts, out, match, **options):
    """The archive is refused by name and nothing is kept."""
    with pytest.raises(InputError, match=match) as caught:
        extract(parts, out, **options)
    assert str(parts[-1]) in str(caught.value)
    assert not out.parent.exists() or list(out.parent.iterdir()) == []
    return str(caught.value)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_an_archive_comes_out_as_it_went_in(tmp_path, out, n, compression, caplog):
    caplog.set_level(logging.INFO)
    names = extract(split(pack(FILES, compression, comment=b"a comment"), tmp_path / "in", n), out)
    assert contents(out) == FILES
    assert names == sorted(FILES)
    assert [entry.name for entry in out.parent.iterdir()] == [out.name]
    assert f"unpacked 4 files of {sum(map(len, FILES.values()))} bytes" in caplog.text


NAMES = st.lists(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\:"), min_size=1, max_size=12).filter(
        lambda piece: piece not in (".", "..", "__MACOSX", ".DS_Store")
    ),
    min_size=1,
    max_size=3,
).map("/".join)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    files=st.dictionaries(NAMES, st.binary(max_size=2000), max_size=6).filter(
        lambda files: not any(other.startswith(f"{name}/") for name in files for other in files)
    ),
    n=st.integers(1, 5),
    compression=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    comment=st.binary(max_size=30),
)
def test_any_files_in_any_number_of_parts_come_out_as_they_went_in(files, n, compression, comment):
    with tempfile.TemporaryDirectory() as folder:
        parts = split(pack(files, compression, comment), Path(folder) / "in", n)
        assert extract(parts, Path(folder) / "out") == sorted(files)
        assert contents(Path(folder) / "out") == files


@settings(max_examples=60, deadline=None)
@given(lost=st.integers(1, len(pack(FILES, comment=b"a comment"))))
def test_an_archive_cut_anywhere_is_refused(lost):
    with tempfile.TemporaryDirectory() as folder:
        (archive,) = split(pack(FILES, comment=b"a comment")[:-lost], Path(folder) / "in", 1)
        fail([archive], Path(folder) / "out" / "frames", "truncated")


@pytest.mark.skipif(shutil.which("zip") is None, reason="needs the program zip")
@pytest.mark.parametrize("size", ["128k", "1g"])
def test_a_split_archive_of_info_zip(tmp_path, out, size):
    generator = random.Random(0)
    files = {f"frames/{i}-1.jpg": generator.randbytes(50_000) for i in range(8)}
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    subprocess.run(["zip", "-q", "-r", "-s", size, "frames.zip", "frames"], cwd=tmp_path, check=True)
    parts = [*sorted(tmp_path.glob("frames.z0*")), tmp_path / "frames.zip"]
    assert len(parts) == (4 if size == "128k" else 1)
    extract(parts, out)
    assert contents(out) == files


def test_a_folder_that_is_there_is_replaced(tmp_path, out):
    out.mkdir(parents=True)
    (out / "old.jpg").write_bytes(b"old")
    extract(split(pack(FILES), tmp_path / "in", 1), out)
    assert contents(out) == FILES


def test_only_the_wanted_members(tmp_path, out):
    parts = split(pack(FILES), tmp_path / "in", 2)
    assert extract(parts, out, members={"covers/2.jpg"}) == ["covers/2.jpg"]
    assert contents(out) == {"covers/2.jpg": FILES["covers/2.jpg"]}
    extract(parts, out, members=iter(["covers/1.jpg", "covers/2.jpg"]))
    assert len(contents(out)) == 2
    extract(parts, out, members=lambda name: name.endswith(".jpg"))
    assert sorted(contents(out)) == ["covers/1.jpg", "covers/2.jpg", "covers/more/3.jpg"]
    assert extract(parts, out, members=lambda name: False) == []


def test_a_wanted_member_that_is_missing(tmp_path, out):
    parts = split(pack(FILES), tmp_path / "in", 1)
    fail(
        parts,
        out,
        r"2 of 3 wanted files are not in the archive: 1\.jpg, 9\.jpg$",
        members={"covers/1.jpg", "1.jpg", "9.jpg"},
    )
    fail(parts, out, "7 of 7 wanted .* 4.jpg and 2 more$", members=[f"{i}.jpg" for i in range(7)])


def test_flatten_drops_folders(tmp_path, out):
    parts = split(pack(FILES), tmp_path / "in", 1)
    extract(parts, out, flatten=True)
    assert contents(out) == {name.rpartition("/")[2]: content for name, content in FILES.items()}
    assert extract(parts, out, flatten=True, members={"2.jpg", "3.jpg"}) == ["2.jpg", "3.jpg"]


def test_flatten_refuses_two_files_of_one_name(tmp_path, out):
    parts = split(pack({"a/1.jpg": b"a", "b/1.jpg": b"b"}), tmp_path / "in", 1)
    fail(parts, out, "member 'b/1.jpg': its name is there already", flatten=True)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a", "./a", "a/b"])
def test_a_name_is_taken_once(tmp_path, out, second):
    fail(split(pack([("a", b"1"), (second, b"2")]), tmp_path / "in", 1), out, "its name is there already")
    fail(split(pack([("a/b", b"1"), ("a", b"2")]), tmp_path / "in", 1), out, "its name is there already")


def test_folders_and_what_macos_adds_are_skipped(tmp_path, out):
    junk = {"./": b"", "covers/": b"", "__MACOSX/covers/._1.jpg": b"x", "covers/.DS_Store": b"x", "empty/": b""}
    assert extract(split(pack(junk | FILES), tmp_path / "in", 1), out) == sorted(FILES)
    assert contents(out) == FILES
    assert not (out / "empty").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil", "leads out"),
        ("a/../../evil", "leads out"),
        ("a/..", "leads out"),
        ("../", "leads out"),
        ("/evil", "absolute"),
        ("//evil", "absolute"),
        ("C:evil", "absolute"),
        ("c:/evil", "absolute"),
        ("..\\evil", "backslash"),
        ("a\\b", "backslash"),
        ("a\nb", "control"),
        ("n" * 256, "longer than 255"),
        ("é" * 128 + "/a", "longer than 255"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"flatten": True}, {"members": {"good"}}])
def test_an_unsafe_path_is_refused(tmp_path, out, name, reason, options):
    parts = split(pack([("good", b"1"), (name, b"2")]), tmp_path / "in", 1)
    message = fail(parts, out, reason, **options)
    assert f"member {name!r}" in message
    assert {p.name for p in tmp_path.rglob("*")} <= {"in", "out", "frames.zip"}


def test_a_null_in_a_name_is_refused(tmp_path, out):
    data = pack({"a!b": b"1"}).replace(b"a!b", b"a\0b")
    fail(split(data, tmp_path / "in", 1), out, "control character")


def test_a_link_becomes_a_plain_file(tmp_path, out):
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    extract(split(pack([(link, "/etc/passwd")]), tmp_path / "in", 1), out)
    assert not (out / "link").is_symlink()
    assert contents(out) == {"link": b"/etc/passwd"}


def test_a_name_that_is_not_utf8_is_read_as_the_format_says(tmp_path, out):
    data = pack({"caf!": b"1"}).replace(b"caf!", b"caf\x82")
    assert extract(split(data, tmp_path / "in", 1), out) == ["café"]


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
    with pytest.raises(InputError, match="at least one file"):
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
    fail(split(data[:begin] + data[end:], tmp_path / "in", 1), out, "found 1 members, but its directory lists 2")


def test_the_end_of_an_archive_within_the_archive_is_not_taken_for_its_own(tmp_path, out):
    data = pack({"inner.zip": pack({"a": b"1"})}, zipfile.ZIP_STORED)
    fail(split(data[: data.rindex(b"PK\x01\x02")], tmp_path / "in", 1), out, "what follows member 'inner.zip'")


def test_an_encrypted_member_and_one_without_its_size(tmp_path, out):
    encrypted = bytearray(pack({"a": b"secret"}))
    encrypted[6] |= 1
    fail(split(bytes(encrypted), tmp_path / "in", 1), out, "encrypted; expected a plain zip")

    piped = pack({"a": b"text"}, zipfile.ZIP_STORED, buffer=Pipe())
    fail(split(piped, tmp_path / "in", 1), out, "unpack and pack it again")


def test_an_archive_written_to_a_pipe_is_read(tmp_path, out):
    extract(split(pack(FILES, buffer=Pipe()), tmp_path / "in", 3), out)
    assert contents(out) == FILES


def test_a_zip64_archive(tmp_path, out):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("a", "w", force_zip64=True) as member:
        member.write(b"text")
    extract(split(buffer.getvalue(), tmp_path / "in", 2), out)
    assert contents(out) == {"a": b"text"}
