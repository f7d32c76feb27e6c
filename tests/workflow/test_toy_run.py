"""A toy run of the whole DAG, and what makes it run again."""

import io
import json
import re
import shutil

import pandas as pd
import pytest
from snakemake_run import ROOT, copy_repository, planned, result_bytes, snakemake, watched, written_in_place

#: Rules whose every input is made of ranks and lists.
AUDITED = ("rescore_fusions", "audit_lists")
OF_RANKS = {"tabulate_hits", "plot_figures", "measure_effects", "describe_lists", "report"}
TOY = ("--configfile", ROOT / "tests/config/toy.yaml")
BASES = ("pop", "dssm_video")
FUSIONS = ["rrf", "zscore", "lambdamart"]
RUNGS = ["no_text", "permuted", "words", "words_permuted", "encoder", "images"]

#: Re-rankers that the config names, the controls that ladders add, and each fusion with its rungs.
LISTS = [
    "identity", "random", "item_knn_scores", "all-MiniLM-L6-v2-deep", "clip_cover", "title_cover_frames_comments",
    "own-llama", "words_title", "all-MiniLM-L6-v2-deep_permuted",
    *(f"{name}{end}" for name in FUSIONS for end in (*(f"_{rung}" for rung in RUNGS), "")),
]  # fmt: skip

COLUMNS = [
    "dataset", "protocol", "split", "base_model", "seed", "reranker", "kind", "depth", "n", "users", "hits",
    "hits_unrepaired", "hit_rate", "ci_low", "ci_high", "change_percent", "ndcg", "mrr", "ceiling",
]  # fmt: skip


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Return a copy of the repository in which the toy config has run."""
    folder = copy_repository(tmp_path_factory.mktemp("toy"))
    process = snakemake(folder, *TOY, environment=watched(folder))
    assert process.returncode == 0, process.stdout + process.stderr
    return folder


def test_the_table_holds_every_list(toy):
    folder = toy / "results" / "sample" / "leave_one_out"
    table = pd.read_csv(folder / "tables" / "hit_rate.csv")
    assert list(table.columns) == COLUMNS
    assert len(table) == 2 * len(BASES) * len(LISTS) * 3  # splits, base models, re-rankers, cut-offs
    assert set(table["reranker"]) == set(LISTS)
    assert set(table["protocol"]) == {"leave_one_out"} and (table["users"] > 0).all()
    at_depth = table[(table["n"] == 20) & (table["split"] == "test") & (table["depth"] == 20)]
    at_depth = at_depth.set_index(["base_model", "reranker"])["hits"]
    for base in BASES:
        assert at_depth[base].nunique() == 1, "a re-ranker of depth 20 cannot change hits at 20"
    assert "(synthetic)" in (folder / "tables" / "hit_rate.md").read_text()
    assert "(synthetic)" in (folder / "figures" / "hit_rate.svg").read_text()
    page = (folder / "report.html").read_text()
    assert "The data are synthetic" in page and page.count("<figure ") == 8


def test_fusions_and_their_rungs_are_told_of(toy):
    words, pictures = ["words_title"], ["clip_cover", "title_cover_frames_comments"]
    encoder, permuted = ["all-MiniLM-L6-v2-deep"], ["all-MiniLM-L6-v2-deep_permuted"]
    added = {
        "no_text": [], "permuted": permuted, "words": words, "words_permuted": [*words, *permuted],
        "encoder": [*words, *encoder], "images": pictures, "all": [*words, *encoder, *pictures],
    }  # fmt: skip
    for name in FUSIONS:
        for rung, signals in added.items():
            reranker = name if rung == "all" else f"{name}_{rung}"
            folder = toy / "results" / "sample" / "leave_one_out" / "lists" / "dssm_video" / "seed1" / reranker
            told = json.loads((folder / "fusion.json").read_text())
            assert (told["type"], told["rung"], told["rung_of"]) == (name, rung, name)
            assert told["signals"] == ["item_knn_scores", *signals]
            assert name != "lambdamart" or told["words"] == (["title"] if {*words} & {*signals} else [])
            if name == "zscore":
                assert told["valid_ndcg"]["fusion"] == max(told["valid_ndcg"].values())


def test_the_ladder_has_a_row_for_each_rung(toy):
    table = pd.read_csv(toy / "results" / "sample" / "leave_one_out" / "tables" / "ladder.csv")
    assert set(table["base_model"]) == set(BASES)
    assert (toy / "results" / "sample" / "leave_one_out" / "figures" / "ladder.svg").stat().st_size > 0


def test_nothing_is_half_written(toy):
    assert not [path for path in (toy / "results").rglob("*") if ".tmp" in path.name or ".part" in path.name]


def test_every_result_got_its_name_by_a_rename(toy):
    assert written_in_place(toy) == []


def test_a_second_run_has_nothing_to_do_though_code_is_touched(toy):
    for path in [*(toy / "workflow").rglob("*.py"), *(toy / "rules").glob("*.smk"), toy / "config" / "config.yaml"]:
        path.touch()
    process = snakemake(toy, *TOY)
    assert process.returncode == 0 and "Nothing to be done" in process.stdout + process.stderr


def test_a_learning_rate_reruns_its_model_and_what_depends_on_it(toy):
    jobs = planned(snakemake(toy, "-n", *TOY, "--config", "models={dssm_video: {learning_rate: 0.5}}"))
    over_dssm = {
        "train",
        "recommend",
        "rerank",
        "rerank_on_gpu",
        "fuse",
        "evaluate",
        "rescore_lists",
        "rescore_fusions",
    }
    assert jobs == {(rule, "dssm_video") for rule in over_dssm} | {(rule, "") for rule in OF_RANKS | {"audit_lists"}}


@pytest.mark.parametrize(
    ("file", "old", "new", "rules"),
    [
        ("rerank/fusion/rrf.py", "np.float64)\n", "float)\n", {"fuse", "evaluate", *AUDITED} | OF_RANKS),
        (
            "models/pop.py",
            "astype(np.float32)",
            "astype('float32')",
            {
                "train",
                "recommend",
                "rerank",
                "rerank_on_gpu",
                "fuse",
                "evaluate",
                "rescore_lists",
                *AUDITED,
            }
            | OF_RANKS,
        ),
        ("report/figures.py", "lw=1.4", "lw=1.5", {"plot_figures", "report"}),
    ],
)
def test_changed_code_reruns_what_uses_it(toy, file, old, new, rules):
    path = toy / "workflow" / "scripts" / "reelrank" / file
    before = path.read_text()
    assert old in before
    try:
        path.write_text(before.replace(old, new))
        jobs = planned(snakemake(toy, "-n", *TOY))
    finally:
        path.write_text(before)
    assert {rule for rule, _ in jobs} == rules
    if file == "models/pop.py":
        assert not any(base == "dssm_video" for _, base in jobs)


def test_an_edited_re_ranker_runs_again_alone(toy):
    path = toy / "workflow" / "scripts" / "reelrank" / "rerank" / "random.py"
    before = path.read_text()
    assert "rng.random(scores.shape[1], np.float32)" in before
    try:
        path.write_text(before.replace("rng.random(scores.shape[1], np.float32)", "rng.random(scores.shape[1])"))
        process = snakemake(toy, "-n", *TOY)
    finally:
        path.write_text(before)
    assert {rule for rule, _ in planned(process)} == {"rerank", "evaluate", "rescore_lists", "audit_lists"} | OF_RANKS
    output = process.stdout + process.stderr
    assert set(re.findall(r"^rule rerank:.*?reranker=([\w-]+)", output, flags=re.M | re.S)) == {"random"}


def test_a_run_goes_on_in_another_folder_and_makes_one_output_again(toy, tmp_path):
    moved = shutil.copytree(toy, tmp_path / "somewhere" / "else")  # with the times of its files
    assert planned(snakemake(moved, "-n", *TOY)) == set()
    target = "results/sample/leave_one_out/lists/pop/seed1/random/test.parquet"
    before = (moved / target).read_bytes()
    (moved / target).unlink()
    process = snakemake(moved, *TOY, "--", target)
    assert process.returncode == 0, process.stderr
    assert (moved / target).read_bytes() == before
    assert "[1/1] " in process.stdout + process.stderr


def test_published_files_of_others_are_only_read(toy, repository, tmp_path):
    shared = shutil.copytree(toy / "results/sample/raw", tmp_path / "raw")
    for path in [*shared.rglob("*"), shared]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in [shared, *shared.rglob("*")]}
    target = "results/sample/prepared/interactions.parquet"
    process = snakemake(repository, *TOY, "--config", f"raw_dir={shared}", "--", target, directory=tmp_path / "run")
    assert process.returncode == 0, process.stdout + process.stderr
    assert "[1/1] " in process.stdout + process.stderr
    assert {path: path.stat().st_mtime_ns for path in [shared, *shared.rglob("*")]} == before
    assert (tmp_path / "run" / target).read_bytes() == (toy / target).read_bytes()


def test_no_path_of_the_machine_is_in_a_result(toy):
    assert [name for name, content in result_bytes(toy).items() if str(toy).encode() in content] == []


def test_the_tidy_table_is_made_of_the_ranks(toy):
    folder = toy / "results" / "sample" / "leave_one_out"
    ranks = pd.read_parquet(folder / "lists" / "dssm_video" / "seed1" / "identity" / "test.ranks.parquet")
    table = pd.read_csv(io.BytesIO((folder / "tables" / "hit_rate.csv").read_bytes()))
    row = table.query("base_model == 'dssm_video' and reranker == 'identity' and split == 'test' and n == 10").iloc[0]
    assert row["hits"] == (ranks["rank"] <= 10).sum()


def test_every_list_is_described_beyond_accuracy(toy):
    folder = toy / "results" / "sample" / "leave_one_out" / "tables"
    quality, slices, gaps, cost = (
        pd.read_csv(folder / f"{name}.csv") for name in ("list_quality", "slices", "gaps", "cost")
    )
    assert len(quality) == len(BASES) * len(LISTS) * 3 and len(cost) == len(BASES) * len(LISTS)  # three cut-offs
    assert quality["coverage"].between(0, 1, inclusive="right").all() and quality["diversity"].between(0, 2).all()
    identity = quality[quality["reranker"] == "identity"]
    assert (identity["popularity_change_percent"] == 0).all()
    # The same 20 items in another order: what the list holds is the base's.
    deeper = quality["reranker"].str.contains("deep|words_title|item_knn|" + "|".join(FUSIONS))
    whole = quality[(quality["n"] == 20) & (quality["users"] == quality["users"].max()) & ~deeper]
    assert (whole["coverage"] == whole["coverage_base"]).all() and (whole["popularity_change_percent"] == 0).all()
    rates = pd.read_csv(folder / "hit_rate.csv").query("split == 'test' and n == 10")
    rates = rates.set_index(["base_model", "reranker"])
    for key, rows in slices.groupby(["base_model", "reranker", "slice_by"]):
        assert rows["users"].sum() == rates.loc[key[:2], "users"]
        assert (rows["hit_rate"] * rows["users"]).sum() == pytest.approx(rates.loc[key[:2], "hits"], abs=1e-3)
    assert (gaps["gap"] >= gaps["gap_low"]).all() and (gaps["gap"] <= gaps["gap_high"]).all()
    assert (cost["usd"] == 0).all(), "nothing is asked of a service"
    for name in ("positions", "answers"):
        assert len(pd.read_csv(folder / f"{name}.csv")) == 0
