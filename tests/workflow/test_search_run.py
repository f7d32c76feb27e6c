"""`snakemake search`: two trials of a model, a longer search that adds to it, and a page of what to copy."""

import pandas as pd
import pytest
import yaml
from snakemake_run import copy_repository, snakemake

FOLDER = "results/sample/leave_one_out"
OVERLAY = {
    "dataset": "sample",
    "datasets": {
        "sample": {"generate": {"seed": 7, "users": 250, "items": 120, "interactions_per_user": 8.0, "topics": 6}}
    },
    "fields": ["title"],
    "candidates": 40,
    "run": {"base_models": ["pop", "ease"], "rerankers": ["identity", "lambdamart"]},
    "rerankers": {"lambdamart": {"similarities": []}},
    "search": {"trials": 2},
}


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """Return a copy of the repository in which a search has run."""
    folder = copy_repository(tmp_path_factory.mktemp("searched"))
    (folder / "overlay.yaml").write_text(yaml.safe_dump(OVERLAY))
    process = snakemake(folder, "--configfile", "overlay.yaml", "--", "search")
    assert process.returncode == 0, process.stdout + process.stderr
    assert "| ease |" in process.stdout + process.stderr, "the target shows what was found"
    assert "Not searched: lambdamart, since search.over (nfm)" in process.stdout + process.stderr
    return folder


def test_every_trial_is_in_the_table(searched):
    table = pd.read_csv(searched / FOLDER / "tables/search.csv")
    assert table["name"].tolist() == ["ease"] * 3 and table["trial"].tolist() == [0, 1, 2]
    assert table["shipped"][0] and table["best"].sum() == 1
    assert not (searched / FOLDER / "models").exists() and not (searched / FOLDER / "lists").exists()


def test_a_longer_search_adds_trials_and_its_command_runs_it_again(searched):
    before = (searched / FOLDER / "tables/search.csv").read_text().splitlines()
    log = searched / "results/logs/sample/leave_one_out/search/models/ease.log"
    process = snakemake(searched, "--configfile", "overlay.yaml", "--config", "search={trials: 3}", "--", "search")
    assert process.returncode == 0, process.stdout + process.stderr
    after = (searched / FOLDER / "tables/search.csv").read_text().splitlines()
    assert len(after) == 5 and [line.split('"')[:2] for line in after[:4]] == [line.split('"')[:2] for line in before]
    assert "trial 3:" in log.read_text() and "trial 2:" not in log.read_text(), "finished trials are not run again"
