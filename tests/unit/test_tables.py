"""The data contracts, and files that appear whole or not at all."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reelrank.data.tables import LIST_METADATA, SCHEMAS, metadata, read_table, write_table
from reelrank.errors import InputError, suggest
from reelrank.features.matrices import read_features, write_features
from reelrank.files import atomic, read_json, write_json, write_text

ABOUT = dict.fromkeys(LIST_METADATA, "x")


def example(name):
    """Return a table of two rows that keeps the contract."""
    arrays = []
    for field in SCHEMAS[name]:
        if pa.types.is_dictionary(field.type):
            arrays.append(pa.array(["train", "test"]).dictionary_encode().cast(field.type))
        elif pa.types.is_list(field.type):
            arrays.append(pa.array([[0], [1, 2]], field.type))
        else:
            arrays.append(pa.array([0, 1]).cast(field.type))
    return pa.table(arrays, SCHEMAS[name])


def replaced(table, column, values):
    """Return `table` with one column replaced."""
    return table.set_column(table.column_names.index(column), column, values)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_table_that_keeps_its_contract_comes_back(tmp_path, name):
    table = example(name)
    path = tmp_path / "deep" / "table.parquet"
    write_table(table, name, path, ABOUT)
    found = read_table(path, name)
    assert found.to_pydict() == table.to_pydict()
    assert metadata(found) == ABOUT
    write_table(table, name, tmp_path / "again.parquet", ABOUT)
    assert path.read_bytes() == (tmp_path / "again.parquet").read_bytes()


@pytest.mark.parametrize("name", SCHEMAS)
def test_each_column_is_required_and_typed_and_free_of_nulls(tmp_path, name):
    table, path = example(name), tmp_path / "table.parquet"
    for field in SCHEMAS[name]:
        bad = {
            "is missing": table.drop_columns(field.name),
            "has type": replaced(table, field.name, pa.array([b"a", b"b"])),
        }
        if not field.nullable:
            bad["holds 1 nulls"] = replaced(
                table, field.name, pa.array([None, table[field.name][1].as_py()], field.type)
            )
        for message, broken in bad.items():
            with pytest.raises(InputError) as caught:
                write_table(broken, name, path, ABOUT)
            assert str(path) in str(caught.value) and repr(field.name) in str(caught.value)
            assert message in str(caught.value)
            pq.write_table(broken.replace_schema_metadata(ABOUT), tmp_path / "read.parquet")
            with pytest.raises(InputError, match=f"read.parquet.*{message}"):
                read_table(tmp_path / "read.parquet", name)
    assert not path.exists()


@pytest.mark.parametrize("name", SCHEMAS)
def test_further_columns_are_refused_unless_the_table_is_open(tmp_path, name):
    table = example(name).append_column("extra", pa.array([1, 2]))
    if name in ("users", "items"):
        write_table(table, name, tmp_path / "t.parquet", ABOUT)
        assert read_table(tmp_path / "t.parquet", name)["extra"].to_pylist() == [1, 2]
    else:
        with pytest.raises(InputError, match="'extra' does not belong"):
            write_table(table, name, tmp_path / "t.parquet", ABOUT)


def test_optional_columns_are_checked_when_there(tmp_path):
    table = example("interactions")
    write_table(table.append_column("rating", pa.array([1, 2], pa.float32())), "interactions", tmp_path / "t.parquet")
    with pytest.raises(InputError, match="'rating' has type double; expected float"):
        write_table(table.append_column("rating", pa.array([1.0, 2.0])), "interactions", tmp_path / "t.parquet")
    with pytest.raises(InputError, match="'rating' holds 1 nulls"):
        wrong = table.append_column("rating", pa.array([1, None], pa.float32()))
        write_table(wrong, "interactions", tmp_path / "t.parquet")


def test_a_mapping_gets_the_types_of_the_contract(tmp_path):
    columns = {"user": [0], "rank": [1], "item": [5], "score": [0.5], "raw_rank": [3]}
    write_table(columns, "list", tmp_path / "l.parquet", ABOUT)
    found = read_table(tmp_path / "l.parquet", "list")
    assert [str(field.type) for field in found.schema] == ["int32", "int16", "int32", "float", "int16"]


@pytest.mark.parametrize("key", LIST_METADATA)
def test_a_list_without_its_metadata_is_refused(tmp_path, key):
    about = {name: value for name, value in ABOUT.items() if name != key}
    with pytest.raises(InputError, match=f"t.parquet.*{key}"):
        write_table(example("list"), "list", tmp_path / "t.parquet", about)
    pq.write_table(example("list").replace_schema_metadata(about), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=f"t.parquet.*{key}"):
        read_table(tmp_path / "t.parquet", "list")


def test_what_is_no_parquet_file_is_named(tmp_path):
    (tmp_path / "text.parquet").write_text("text")
    for name in ("text.parquet", "missing.parquet"):
        with pytest.raises(InputError, match=f"{name}: expected a Parquet file of contract users"):
            read_table(tmp_path / name, "users")


def test_a_failure_leaves_nothing_and_keeps_the_old(tmp_path):
    path = tmp_path / "a.txt"
    for old in (False, True):
        if old:
            path.write_text("old")
        with pytest.raises(RuntimeError), atomic(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError
        assert [file.name for file in tmp_path.iterdir()] == (["a.txt"] if old else [])
    assert path.read_text() == "old"
    with pytest.raises(KeyboardInterrupt), atomic(tmp_path / "folder") as temporary:
        temporary.mkdir()
        (temporary / "file").write_text("half")
        raise KeyboardInterrupt
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_replaces_a_folder(tmp_path):
    for content in ("one", "two"):
        with atomic(tmp_path / "folder") as temporary:
            temporary.mkdir()
            (temporary / content).touch()
    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["two"]


def test_what_a_killed_run_left_goes_and_other_files_stay(tmp_path):
    (tmp_path / ".a.txt.1-0123abcd.tmp").write_text("stale")
    (tmp_path / ".folder.2-0123abcd.tmp").mkdir()
    others = [".a.txt.bak.1.tmp", ".a.1.tmp", "b.txt"]
    for name in others:
        (tmp_path / name).write_text("another's")
    write_text(tmp_path / "a.txt", "new\n")
    with atomic(tmp_path / "folder") as temporary:
        temporary.mkdir()
    assert sorted(file.name for file in tmp_path.iterdir()) == sorted([*others, "a.txt", "folder"])


def test_a_folder_is_never_half_replaced(tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").touch()

    def killed(path, *_):
        raise KeyboardInterrupt(path)

    with monkeypatch.context() as patched:
        patched.setattr("reelrank.files.shutil.rmtree", killed)
        with pytest.raises(KeyboardInterrupt), atomic(tmp_path / "folder") as temporary:
            temporary.mkdir()
            (temporary / "new").touch()
    assert [file.name for file in (tmp_path / "folder").iterdir()] == ["new"]
    with atomic(tmp_path / "folder") as temporary:
        temporary.mkdir()
    assert [file.name for file in tmp_path.iterdir()] == ["folder"], "what the killed one left is cleared"


def test_names_with_brackets_are_cleared_too(tmp_path):
    (tmp_path / ".a[1].txt.1.tmp").write_text("stale")
    write_text(tmp_path / "a[1].txt", "new")
    assert [file.name for file in tmp_path.iterdir()] == ["a[1].txt"]


def test_json_is_utf_8_with_line_feeds(tmp_path):
    write_json(tmp_path / "a.json", {"title": "é🎬"})
    assert (tmp_path / "a.json").read_bytes() == '{\n  "title": "é🎬"\n}\n'.encode()
    assert read_json(tmp_path / "a.json") == {"title": "é🎬"}


def test_features_come_back_with_what_is_missing(tmp_path):
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    present = np.array([True, False, True])
    write_features(tmp_path / "title.npy", vectors, present, {"encoder": "e"})
    found, mask = read_features(tmp_path / "title.npy", 3)
    assert (found == vectors).all() and (mask == present).all()
    assert read_json(tmp_path / "title.json")["dimension"] == 2
    with pytest.raises(InputError, match=r"title.npy: found a matrix of shape \(3, 2\); expected 4 rows"):
        read_features(tmp_path / "title.npy", 4)


def test_a_suggestion_is_near_or_lists_all():
    assert suggest("nmf", ["nfm", "pop"]) == "did you mean nfm?"
    assert suggest("zzz", ["nfm", "pop"]) == "known: nfm, pop"
    assert suggest("zzz", []) == "known: none"
