"""`snakemake audit`: an honest run passes, a leak planted in the code is caught with its row named."""

import json

import pandas as pd
import pytest
import yaml
from snakemake_run import copy_repository, snakemake

AUDIT = "results/sample/leave_one_out/audit/audit.json"
SAMPLE = {"seed": 7, "users": 400, "items": 120, "interactions_per_user": 8.0, "topics": 6}
OVERLAY = {
    "dataset": "sample",
    "datasets": {"sample": {"generate": SAMPLE}},
    "fields": ["title"],
    "candidates": 40,
    "run": {
        "base_models": ["pop", "both"],
        "rerankers": ["identity", "random", "item_knn_scores", "all-MiniLM-L6-v2", "rrf", "lambdamart"],
    },
    "models": {"both": {"type": "union", "of": ["pop", "item_knn"]}},
    "rerankers": {"lambdamart": {"similarities": []}},
}
RUNGS = ["no_text", "permuted", "words", "words_permuted"]


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Return a copy of the repository in which the audit has run."""
    folder = copy_repository(tmp_path_factory.mktemp("audited"))
    (folder / "overlay.yaml").write_text(yaml.safe_dump(OVERLAY))
    process = snakemake(folder, "--configfile", "overlay.yaml", "--", "audit")
    assert process.returncode == 0, process.stdout + process.stderr
    assert "| redrawn targets |" in process.stdout + process.stderr, "the target shows what was found"
    return folder


def test_an_honest_run_passes(audited):
    told = json.loads((audited / AUDIT).read_text())
    assert told["passed"] and [check["name"] for check in told["checks"]] == [
        "other held-out items", "redrawn targets", "reproduced", "permutations", "ranks", "hits at depth", "texts",
        "prompts", "popularity",
    ]  # fmt: skip
    rescored = pd.DataFrame(told["checks"][0]["rows"])
    again = json.loads((audited / AUDIT).with_name("redrawn.json").read_text())
    rows = pd.DataFrame(again["checks"][0]["rows"])
    assert again["passed"] and not rescored["faults"].any()
    assert set(rescored[rescored["base_model"] == "pop"]["reranker"]) == set(rows["reranker"])
    assert "identity" not in set(rescored[rescored["base_model"] == "both"]["reranker"]), "a union has no model"
    fused = {name + end for name in ("rrf", "lambdamart") for end in ("", *(f"_{rung}" for rung in RUNGS))}
    named = {"identity", "random", "item_knn_scores", "all-MiniLM-L6-v2"}
    controls = {"words_title_20", "all-MiniLM-L6-v2_permuted"}
    assert set(rows["reranker"]) == named | controls | fused and rows["at_chance"].all()
    assert set(rows["base_model"]) == {"pop", "both"}
    assert ((rows["low"] <= rows["hits"]) & (rows["hits"] <= rows["high"])).all()
    assert not (audited / "results/sample/leave_one_out_redrawn/models").exists(), "nothing is trained again"


def test_a_leak_in_the_code_stops_the_report_and_names_its_row(audited):
    # The history of the similarity re-ranker holds the item that it is to predict.
    path = audited / "workflow/scripts/reelrank/rerank/similarity.py"
    honest = path.read_text()
    right = '"""Return the cosines of one feature, or `mean_of_standardised` of several."""'
    assert right in honest
    longer = "type(histories)(histories.items, histories.starts, histories.ends + 1, histories.n_items)"
    leak = f"{right}\n        histories = {longer}"
    path.write_text(honest.replace(right, leak))
    try:
        process = snakemake(audited, "--configfile", "overlay.yaml", "--", AUDIT)
    finally:
        path.write_text(honest)
    said = process.stdout + process.stderr
    assert process.returncode != 0
    error = next(line for line in said.splitlines() if line.startswith("reelrank: error: "))
    assert "sample/leave_one_out: the audit failed (other held-out items" in error
    assert "pop/seed1/all-MiniLM-L6-v2/test: the score of item " in error
    assert "pop/seed1/random/" not in error and "pop/seed1/identity/" not in error
    assert (
        "pop/seed1/all-MiniLM-L6-v2/test" in (audited / "results/logs/sample/leave_one_out/audit/audit.log").read_text()
    )
    assert not (audited / AUDIT).exists() and not (audited / AUDIT).with_name("audit.md").exists()
