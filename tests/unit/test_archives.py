"""Archives, whole and split: what comes out, and what must not."""

import logging
import random
import shutil
import stat
import subprocess
import tempfile
import zipfile
from pathlib import Path

import pytest
from archive_fixture import (
    FILES,
    contents,
    fail,
    out,  # noqa: F401 - a fixture
    pack,
    split,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reelrank.datasets.archives import extract


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_an_archive_comes_out_as_it_went_in(tmp_path, out, n, compression, caplog):
    caplog.set_level(logging.INFO)
    names = extract(split(pack(FILES, compression, comment=b"a comment"), tmp_path / "in", n), out)
    assert contents(out) == FILES
    assert names == sorted(FILES)
    assert [entry.name for entry in out.parent.iterdir()] == [out.name]
    assert f"unpacked 4 files, {sum(map(len, FILES.values()))} bytes" in caplog.text


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
    fail(parts, out, "member 'b/1.jpg': the name already exists", flatten=True)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a", "./a", "a/b"])
def test_a_name_is_taken_once(tmp_path, out, second):
    fail(split(pack([("a", b"1"), (second, b"2")]), tmp_path / "in", 1), out, "the name already exists")
    fail(split(pack([("a/b", b"1"), ("a", b"2")]), tmp_path / "in", 1), out, "the name already exists")


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
