"""The step that fuses: from files to files."""

import json

import fuse
import numpy as np
import pytest
from fuse_fixture import fuse_arguments, tables
from planted import ABOUT, planted_interactions, signal

from reelrank.config.schema import options as complete_options
from reelrank.data.lists import RankedLists, read_lists, write_lists
from reelrank.errors import InputError
from reelrank.rerank.signals.aligned import truth_columns

FUSIONS = ("rrf", "zscore", "lambdamart")


@pytest.fixture
def folder(tmp_path):
    """Return a folder with base lists, a signal asked of hits and all that fusing takes."""
    data, lists = planted_interactions(1, 80)
    inputs, signals = tables(tmp_path, data), {"s": {}}
    rng = np.random.default_rng(0)
    for part, base in lists.items():
        inputs[part], signals["s"][part] = tmp_path / f"{part}.parquet", tmp_path / f"s.{part}.parquet"
        truth = truth_columns(base, data.queries(part))
        write_lists(base, inputs[part], {**ABOUT, "split": part, "kind": "base"})
        ranked = base.reordered(signal(rng, truth, 20, 2.0))
        rows = np.flatnonzero(truth >= 0)
        asked = RankedLists(ranked.users[rows], ranked.items[rows], ranked.scores[rows])
        write_lists(asked, signals["s"][part], {**ABOUT, "split": part, "users": "hits"})
    return tmp_path, inputs, signals


def run(folder, inputs, signals, names=FUSIONS):
    """Run the step with two rungs of each fusion; return the outputs by fusion."""
    fusions = {}
    for kind in names:
        empty = {"similarities": [], "words": []} if kind == "lambdamart" else {}
        stages = [{"signals": [], **empty}, {"signals": ["s"], **empty}]
        for name, own in ((f"{kind}_no_text", stages[:1]), (kind, stages)):
            given = complete_options("rerankers", kind)
            fusions[name] = {
                "type": kind,
                "stages": own,
                "options": {
                    key: given[key] for key in given if key not in ("signals", "similarities", "words", "depth")
                },
                "rung": "no_text" if own == stages[:1] else "encoder",
                "rung_of": kind,
                "about": {**ABOUT, "reranker": name, "kind": "fusion", "depth": 20 if own == stages else 15},
            }
    outputs = {name: {part: folder / name / f"{part}.parquet" for part in ("valid", "test")} for name in fusions}
    for name in fusions:
        outputs[name] |= {"description": folder / name / "fusion.json", "fitted": folder / name / "fitted.json.gz"}
    fuse.main(**fuse_arguments(inputs, signals, outputs), fusions=fusions, history="full", threads=1)
    return outputs


def test_every_rung_of_every_fusion_is_written(folder):
    outputs = run(*folder)
    assert len(outputs) == 6
    base = read_lists(folder[1]["test"])[0]
    for name, paths in outputs.items():
        told = json.loads(paths["description"].read_text())
        lowest = name.endswith("_no_text")
        assert told["reranker"] == name and told["signals"] == ([] if lowest else ["s"])
        assert told["rung_of"] == told["type"] and told["rung"] == ("no_text" if lowest else "encoder")
        assert set(told["valid_ndcg"]) == {"identity", "fusion"} | ({"s"} if not lowest else set())
        lists, about = read_lists(paths["test"])
        assert about["kind"] == "fusion" and about["reranker"] == name and about["split"] == "test"
        assert about.get("users") == (None if lowest else "hits"), "whom a signal was asked about is carried on"
        assert (len(lists.users) == len(base.users)) == lowest
    told = json.loads(outputs["zscore"]["description"].read_text())
    assert told["weights"]["s"] > 0 and told["valid_ndcg"]["fusion"] >= max(told["valid_ndcg"].values())
    assert [gate["decision"] for gate in told["gates"]] == ["not used", "used"]
    assert "importances" in json.loads(outputs["lambdamart"]["description"].read_text())
    for name in ("rrf_no_text", "zscore_no_text"):
        for part in ("valid", "test"):
            assert (read_lists(outputs[name][part])[0].items == read_lists(folder[1][part])[0].items[:, :15]).all()


def test_no_valid_lists_are_refused_by_their_file(folder):
    path, inputs, signals = folder
    nobody = RankedLists(np.zeros(0, np.int32), np.zeros((0, 20), np.int32), np.zeros((0, 20), np.float32))
    write_lists(nobody, inputs["valid"], {**ABOUT, "split": "valid"})
    with pytest.raises(InputError, match=r"valid.parquet: found no valid lists"):
        run(path, inputs, signals, ["zscore"])
    assert not (path / "zscore").exists()
