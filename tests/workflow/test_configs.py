"""Every shipped config plans its whole DAG, and a published dataset is really downloaded."""

import json
import zipfile

import pytest
import yaml
from http_fixture import Loopback
from sample_parameters import sample_parameters
from snakemake_run import planned, snakemake

from reelrank.datasets.sample import draw_images, generate_tables


@pytest.mark.parametrize(
    ("config", "downloads"),
    [("ml-100k", True), ("microlens-100k", True), ("microlens-50k", True), (None, False)],
)
def test_a_shipped_config_plans_its_tables(repository, tmp_path, config, downloads):
    arguments = ["--configfile", repository / f"config/{config}.yaml"] if config else []
    rules = {rule for rule, _ in planned(snakemake(repository, "-n", *arguments, directory=tmp_path))}
    assert {"prepare", "split", "train", "recommend", "fuse", "evaluate", "tabulate_hits", "plot_figures"} <= rules
    assert ("download" in rules) == downloads


def test_a_union_and_what_scores_candidates_bring_their_models(repository, tmp_path):
    overlay = {
        "models": {"both": {"type": "union", "of": ["pop", "als"]}},
        "run": {"base_models": ["both"], "rerankers": ["identity", "random", "item_knn_scores"]},
    }
    (tmp_path / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    jobs = planned(snakemake(repository, "-n", "--configfile", tmp_path / "overlay.yaml", directory=tmp_path))
    assert {base for rule, base in jobs if rule == "train"} == {"pop", "als", "item_knn"}
    assert {base for rule, base in jobs if rule == "recommend"} == {"pop", "als"}
    assert ("unite_lists", "both") in jobs and ("rerank_on_gpu", "both") in jobs
    assert {base for rule, base in jobs if rule.startswith(("rerank", "evaluate"))} == {"both"}


def test_nothing_is_fused_over_lists_without_valid_ones(repository, tmp_path):
    (tmp_path / "theirs.csv").write_text("user,item,rank\n")
    overlay = {
        "models": {"theirs": {"type": "external", "test": "theirs.csv"}},
        "run": {"base_models": ["pop", "theirs"]},
    }
    (tmp_path / "overlay.yaml").write_text(yaml.safe_dump(overlay))
    process = snakemake(repository, "-n", "--configfile", tmp_path / "overlay.yaml", directory=tmp_path)
    jobs = planned(process)
    assert {("fuse", "pop"), ("evaluate", "pop"), ("evaluate_unfused", "theirs")} <= jobs
    assert not {("fuse", "theirs"), ("evaluate", "theirs"), ("evaluate_unfused", "pop")} & jobs
    assert "base model 'theirs' has no valid lists, so fusions skip it" in process.stdout + process.stderr


def test_an_encoder_of_a_local_folder_depends_on_its_files(repository, tmp_path):
    weights = tmp_path / "encoder" / "1_Pooling" / "config.json"
    weights.parent.mkdir(parents=True)
    weights.write_text("{}")
    block = f"encoders={{all-MiniLM-L6-v2: {{model: {tmp_path / 'encoder'}, package: null}}}}"
    target = "results/sample/features/all-MiniLM-L6-v2/title.npy"
    process = snakemake(repository, "-n", "--config", block, "--", target, directory=tmp_path)
    assert {"embed_text", "gather_features"} <= {rule for rule, _ in planned(process)}
    inputs = [
        line for line in process.stdout.splitlines() if line.strip().startswith("input:") and str(weights) in line
    ]
    assert len(inputs) == 2, "of the shard, and of what gathers it"


def test_a_published_dataset_is_downloaded_unpacked_and_prepared(repository, tmp_path):
    site = tmp_path / "site"
    site.mkdir()
    parameters = sample_parameters(seed=3, users=40, items=30, interactions_per_user=6.0, topics=4, image_size=16)
    paths = {
        "interactions": site / "MicroLens-100k_pairs.csv",
        "titles": site / "MicroLens-100k_title_en.csv",
        "comments": site / "MicroLens-100k_comment_en.txt",
        "categories": site / "tags_to_summary.csv",
    }
    generate_tables(parameters, paths)
    draw_images(parameters, tmp_path / "covers", None)
    with zipfile.ZipFile(site / "MicroLens-100k_covers.zip", "w") as archive:
        for image in sorted((tmp_path / "covers").iterdir()):
            archive.write(image, f"covers/{image.name}")
    with Loopback(files={path.name: path.read_bytes() for path in site.iterdir()}) as server:
        overlay = {
            "dataset": "microlens-100k",
            "fields": ["title", "category", "comments", "cover"],
            "run": {"base_models": ["pop"], "rerankers": ["identity", "random"]},
            "datasets": {"microlens-100k": {"download": {"base_url": server.url.rpartition("/")[0]}}},
        }
        config = tmp_path / "overlay.yaml"
        config.write_text(yaml.safe_dump(overlay))
        target = "results/microlens-100k/prepared/statistics.json"
        process = snakemake(repository, "--configfile", config, "--", target, directory=tmp_path / "run")
        assert process.returncode == 0, process.stdout + process.stderr
    statistics = json.loads((tmp_path / "run" / target).read_text())
    assert statistics["items_without_cover"] == 0 and statistics["comments"] == statistics["interactions"]
    assert statistics["differs_from_published"] == ["interactions", "items", "users"]
