"""The examples of docs/adding.md in one run: own data, an own base model, re-ranker, encoder and fusion, a prompt."""

import csv

import numpy as np
import pytest
from adding_page import copy_with_examples
from snakemake_run import snakemake

COMMON = (
    "--config",
    "dataset=my-films",
    "raw_dir=films",
    "fields=[title, category]",
    "candidates=50",
    "diversity=null",
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a copy of the repository with all examples, and a folder of films."""
    folder = copy_with_examples(tmp_path_factory.mktemp("copy"))
    (folder / "films").mkdir()
    rng, moment = np.random.default_rng(1), 978_300_760
    ratings = [
        f"{user}::{item}::5::{moment + place}\n"
        for user in range(1, 61)
        for place, item in enumerate(rng.choice(np.arange(1, 91), 8, replace=False))
    ]
    (folder / "films/ratings.dat").write_text("".join(ratings))
    movies = [f"{item}::The {'red' if item % 2 else 'blue'} film {item % 7}::Drama\n" for item in range(1, 91)]
    (folder / "films/movies.dat").write_text("".join(movies))
    return folder


def test_own_plug_ins_make_lists_of_own_data(copy):
    run = "run={base_models: [lightgcn], rerankers: [identity, title_overlap, hashed-words, borda]}"
    target = "results/my-films/leave_one_out/tables/hit_rate.csv"
    done = snakemake(copy, *COMMON, run, "models={lightgcn: {epochs: 2}}", "--", target)
    assert done.returncode == 0, done.stdout + done.stderr
    with open(copy / target, newline="") as file:
        rows = {row["reranker"] for row in csv.DictReader(file)}
    assert {"identity", "title_overlap", "hashed-words", "borda"} <= rows


def test_an_own_prompt_is_estimated(copy):
    run = "run={base_models: [pop], rerankers: [identity, local-server-short]}"
    done = snakemake(copy, *COMMON, run, "--", "estimate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "local-server-short" in done.stdout + done.stderr
