"""A toy run of the whole DAG, and what makes it run again."""

import io
import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from snakemake_run import planned, result_bytes, snakemake

#: Rules whose every input is made of ranks and lists.
OF_RANKS = {"tabulate_hits", "plot_figures", "measure_effects", "describe_lists", "report"}
TOY = ("--configfile", "tests/config/toy.yaml")
FUSIONS = ["rrf", "zscore", "lambdamart"]
PARTS = ("valid", "test")

#: What makes the lists of a re-ranker of type `likelihood` in shards.
OF_LIKELIHOOD = {"rerank_on_gpu_shard", "gather_lists"}
COLUMNS = [
    "dataset", "protocol", "split", "base_model", "seed", "reranker", "kind", "depth", "n", "users", "hits",
    "hits_unrepaired", "hit_rate", "ci_low", "ci_high", "change_percent", "ndcg", "mrr", "ceiling",
]  # fmt: skip


@pytest.mark.parametrize("protocol", ["leave_one_out", "temporal"])
def test_the_table_holds_every_list(toy, protocol):
    folder = toy / "results" / "sample" / protocol
    table = pd.read_csv(folder / "tables" / "hit_rate.csv")
    assert list(table.columns) == COLUMNS
    assert len(table) == 2 * 3 * 13 * 3  # splits, base models, re-rankers with the twins of fusions, cut-offs
    assert set(table["protocol"]) == {protocol} and (table["users"] > 0).all()
    at_depth = table[(table["n"] == 20) & (table["split"] == "test") & (table["depth"] == 20)]
    at_depth = at_depth.set_index(["base_model", "reranker"])["hits"]
    for base in ("pop", "nfm", "dssm_video"):
        assert at_depth[base].nunique() == 1, "a re-ranker of depth 20 cannot change hits at 20"
    assert "(synthetic)" in (folder / "tables" / "hit_rate.md").read_text()
    assert "(synthetic)" in (folder / "figures" / "hit_rate.svg").read_text()
    page = (folder / "report.html").read_text()
    assert "The data are synthetic" in page and page.count("<figure ") == 7


@pytest.mark.parametrize("protocol", ["leave_one_out", "temporal"])
def test_fusions_and_their_twins_are_told_of(toy, protocol):
    for name in FUSIONS:
        for reranker in (name, f"{name}_without_lm"):
            folder = toy / "results" / "sample" / protocol / "lists" / "nfm" / "seed1" / reranker
            told = json.loads((folder / "fusion.json").read_text())
            assert told["type"] == name and told["twin_of"] == (name if reranker != name else None)
            signals = ["all-MiniLM-L6-v2", "all-MiniLM-L6-v2-deep", "clip_cover", "title_cover_frames_comments"]
            assert told["signals"] == (signals if reranker == name else [])
            if name == "zscore":
                assert told["valid_ndcg"]["fusion"] == max(told["valid_ndcg"].values())


def test_nothing_is_half_written(toy):
    assert not [path for path in (toy / "results").rglob("*") if ".tmp" in path.name or ".part" in path.name]


def test_every_result_got_its_name_by_a_rename(toy):
    renamed = {Path(line) for line in (toy / "renames.txt").read_text().splitlines()}
    for name in result_bytes(toy):
        path = toy / "results" / name
        assert renamed & {path, *path.parents}, f"{name} was written in place"


def test_a_second_run_has_nothing_to_do(toy):
    process = snakemake(toy, *TOY)
    assert process.returncode == 0 and "Nothing to be done" in process.stdout + process.stderr


def test_touched_code_reruns_nothing(toy):
    for path in [*(toy / "workflow").rglob("*.py"), *(toy / "rules").glob("*.smk"), toy / "config" / "config.yaml"]:
        path.touch()
    assert planned(snakemake(toy, "-n", *TOY)) == set()


def test_a_learning_rate_reruns_its_model_and_what_depends_on_it(toy):
    jobs = planned(snakemake(toy, "-n", *TOY, "--config", "models={nfm: {learning_rate: 0.5}}"))
    over_nfm = {
        "train",
        "recommend",
        "rerank",
        "rerank_on_gpu",
        "fuse",
        "evaluate",
    }
    assert jobs == {(rule, "nfm") for rule in over_nfm} | {(rule, "") for rule in OF_RANKS | {"audit_lists"}}


@pytest.mark.parametrize(
    ("file", "old", "new", "rules"),
    [
        ("metrics/ranking.py", "np.log2(", "1.0 * np.log2(", {"fuse", "evaluate", "audit_lists"} | OF_RANKS),
        ("rerank/fusion/rrf.py", "np.float64)\n", "float)\n", {"fuse", "evaluate", "audit_lists"} | OF_RANKS),
        ("evaluation/slice_intervals.py", "+ 1", "+ 2", {"describe_lists", "plot_figures", "report"}),
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
                "audit_lists",
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
        assert not any(base == "nfm" for _, base in jobs)


def test_one_output_can_be_made_again_by_naming_it(toy):
    target = "results/sample/leave_one_out/lists/pop/seed1/random/test.parquet"
    before = (toy / target).read_bytes()
    (toy / target).unlink()
    process = snakemake(toy, *TOY, "--", target)
    assert process.returncode == 0, process.stderr
    assert (toy / target).read_bytes() == before
    assert "[1/1] " in process.stdout + process.stderr


def test_two_runs_from_scratch_are_the_same_to_the_byte(toy, repository, tmp_path):
    arguments = ("--configfile", repository / "tests/config/toy.yaml", "--config", "run={protocols: [leave_one_out]}")
    process = snakemake(repository, *arguments, directory=tmp_path)
    assert process.returncode == 0, process.stdout + process.stderr
    second = result_bytes(tmp_path)
    first = {name: content for name, content in result_bytes(toy).items() if "/temporal" not in name}
    assert sorted(first) == sorted(second) and len(first) > 40
    # The config beside the results tells the protocols, which differ here by intent.
    assert [name for name in first if first[name] != second[name]] == ["sample/leave_one_out/config.yaml"]


def test_no_path_of_the_machine_is_in_a_result(toy):
    for name, content in result_bytes(toy).items():
        assert str(toy).encode() not in content, name


def test_the_tidy_table_is_made_of_the_ranks(toy):
    folder = toy / "results" / "sample" / "leave_one_out"
    ranks = pd.read_parquet(folder / "lists" / "nfm" / "seed1" / "identity" / "test.ranks.parquet")
    table = pd.read_csv(io.BytesIO((folder / "tables" / "hit_rate.csv").read_bytes()))
    row = table.query("base_model == 'nfm' and reranker == 'identity' and split == 'test' and n == 10").iloc[0]
    assert row["hits"] == (ranks["rank"] <= 10).sum()


@pytest.mark.parametrize("protocol", ["leave_one_out", "temporal"])
def test_every_list_is_described_beyond_accuracy(toy, protocol):
    folder = toy / "results" / "sample" / protocol / "tables"
    quality, slices, gaps, cost = (
        pd.read_csv(folder / f"{name}.csv") for name in ("list_quality", "slices", "gaps", "cost")
    )
    assert len(quality) == 3 * 13 * 3 and len(cost) == 3 * 13  # base models, re-rankers, cut-offs
    assert quality["coverage"].between(0, 1, inclusive="right").all() and quality["diversity"].between(0, 2).all()
    identity = quality[quality["reranker"] == "identity"]
    assert (identity["popularity_change_percent"] == 0).all()
    # The same 20 items in another order: what the list holds is the base's.
    deeper = quality["reranker"].str.contains("deep|" + "|".join(FUSIONS))
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


def test_users_in_shards_make_the_same_bytes(toy, tmp_path):
    folder = shutil.copytree(toy, tmp_path / "toy")
    targets = ("--", *(f"results/sample/leave_one_out/lists/pop/seed1/own-llama/{part}.parquet" for part in PARTS))
    process = snakemake(folder, *TOY, "--config", "user_shards=3", *targets)
    assert process.returncode == 0, process.stderr
    assert "[8/8] " in process.stdout + process.stderr
    assert result_bytes(folder) == result_bytes(toy)
    # A service is waited for by one job; texts that are encoded here are spread.
    together = "{{type: similarity, encoder: {}, field: title, pooling: concatenate}}"
    overlay = "encoders={remote: {type: huggingface, model: a/b, send_to_third_party: true}}"
    names = {"here": "all-MiniLM-L6-v2", "there": "remote"}
    added = ", ".join(f"{name}: {together.format(encoder)}" for name, encoder in names.items())
    run = "run={rerankers: [identity, here, there], protocols: [leave_one_out], base_models: [pop]}"
    lists = [f"results/sample/leave_one_out/lists/pop/seed1/{name}/test.parquet" for name in names]
    more = ("user_shards=3", overlay, f"rerankers={{{added}}}", run)
    jobs = planned(snakemake(folder, "-n", *TOY, "--config", *more, "--", *lists))
    assert {"rerank_on_gpu_shard", "rerank", "gather_lists"} < {rule for rule, _ in jobs}
    # What decided the shards decides what was gathered of them, though they are gone.
    for more, rules in (
        ((), set()),
        (("scoring_precision=tf32",), {"recommend_shard", "gather_base_lists", *OF_LIKELIHOOD}),
        (("language_models={own-llama: {layers: 2}}",), {"train_language_model", *OF_LIKELIHOOD}),
        (("rerankers={own-llama: {history_length: 3}}",), OF_LIKELIHOOD),
    ):
        jobs = planned(snakemake(folder, "-n", *TOY, "--config", "user_shards=3", *more, *targets))
        assert {rule for rule, _ in jobs} == rules, more
