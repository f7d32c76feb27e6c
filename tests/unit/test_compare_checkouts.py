"""Two results are told apart, whatever kind of file differs, and only up to the names that are said to have changed."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from compare_checkouts import Renamed, compare, main, read_renamed
from safetensors.numpy import save_file

PLACE = "sample/leave_one_out"
LIST, TABLE = f"{PLACE}/lists/pop/seed1/identity/test.parquet", f"{PLACE}/tables/hit_rate.csv"
MATRIX, WEIGHTS = f"{PLACE}/features/clip/cover.npy", f"{PLACE}/models/nfm/seed1/weights.safetensors"


def write(results, name=LIST, part="part", kind="control", score=0.5, text="part,hits\nvalid,0.10\n"):
    """Write small results; the arguments say what differs."""
    for path in (name, TABLE, MATRIX, WEIGHTS, f"{PLACE}/tables/page.md", "logs/sample/x.csv"):
        (results / path).parent.mkdir(parents=True, exist_ok=True)
    columns = {part: ["valid", "test"], "kind": pa.array([kind, "base"]).dictionary_encode(), "score": [score, np.nan]}
    columns["latency_s"] = np.random.default_rng().random(2)
    pq.write_table(pa.table(columns).replace_schema_metadata({"digest": str(results)}), results / name)
    (results / TABLE).write_text(text)
    np.save(results / MATRIX, np.array([[score, np.nan]], np.float32))
    save_file({"bias": np.array([score], np.float32)}, results / WEIGHTS)
    (results / f"{PLACE}/tables/page.md").write_text(str(results))
    (results / "logs/sample/x.csv").write_text(str(results))
    return results


@pytest.fixture
def before(tmp_path):
    return write(tmp_path / "before")


def test_the_same_results_do_not_differ(before, tmp_path):
    found, counts = compare(before, write(tmp_path / "after"))
    assert found == [] and counts == {".parquet": 1, ".csv": 1, ".npy": 1, ".safetensors": 1}


def test_every_kind_of_file_is_compared(before, tmp_path):
    found, _ = compare(before, write(tmp_path / "after", score=0.25, text="part,hits\nvalid,0.1\n"))
    assert found == [
        f"{MATRIX}: the matrix: 1 of 2 values differ, first at (0, 0): was 0.5, is 0.25",
        f"{LIST}: score: 1 of 2 rows differ, first row 0: was 0.5, is 0.25",
        f"{WEIGHTS}: bias: 1 of 1 values differ, first at (0,): was 0.5, is 0.25",
        f"{TABLE}: hits: 1 of 1 rows differ, first row 0: was '0.10', is '0.1'",
    ]


def test_names_that_changed_are_followed(before, tmp_path):
    after = write(tmp_path / "after", LIST.replace("seed1/", "s1/"), "split", "twin", text="split,hits\nvalid,0.10\n")
    (after / PLACE / "tables/new.csv").write_text("a\n1\n")
    found, _ = compare(before, after)
    assert len(found) == 4, found
    named = tmp_path / "renamed.yaml"
    named.write_text(
        "files: {'/lists/(.+)/seed1/': '/lists/\\1/s1/'}\nnew: ['*/new.csv']\n"
        "columns: {'*': {part: split}}\nvalues: {'*/lists/*': {kind: {control: twin}}}\n"
    )
    assert compare(before, after, read_renamed(named))[0] == []
    assert main([str(before), str(after), "--renamed", str(named)]) == 0


def test_a_value_that_is_renamed_to_another_differs(before, tmp_path):
    renamed = Renamed(values={"*": {"kind": {"control": "twin"}}})
    found, _ = compare(before, write(tmp_path / "after", kind="rival"), renamed)
    assert found == [f"{LIST}: kind: 1 of 2 rows differ, first row 0: was 'twin', is 'rival'"]


def test_a_file_that_is_gone_is_named_unless_it_may_go(before, tmp_path):
    after = write(tmp_path / "after")
    (after / MATRIX).unlink()
    assert compare(before, after)[0] == [f"{MATRIX}: only BEFORE has it"]
    assert compare(before, after, Renamed(gone=["*.npy"]))[0] == []


def test_the_exit_status_tells(before, tmp_path, capsys):
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout/Snakefile").touch()
    write(tmp_path / "checkout/results")
    assert main([str(before), str(tmp_path / "checkout")]) == 0
    assert "0 differences; compared 4 files" in capsys.readouterr().out
    assert main([str(before), str(write(tmp_path / "after", score=1.0))]) == 1
    (tmp_path / "empty").mkdir()
    assert main([str(before), str(tmp_path / "empty")]) == 2
