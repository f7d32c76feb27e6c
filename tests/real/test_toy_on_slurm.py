"""The toy DAG on a real SLURM: the same bytes as here, and nothing to do the second time."""

import pytest
from snakemake_run import ON_SLURM, copy_repository, planned, result_bytes, snakemake

CONFIG = ("--configfile", "tests/config/toy.yaml", "tests/config/cluster.yaml")

#: Rules that must run where a GPU is.
ON_A_GPU = {"train", "train_clip", "train_language_model", "embed_images", "rerank_on_gpu_shard"}


@pytest.fixture(scope="module")
def on_slurm(cluster, tmp_path_factory):
    """Return a copy of the repository in which the toy config has run on the cluster."""
    folder = copy_repository(tmp_path_factory.mktemp("on_slurm"))
    process = snakemake(folder, *CONFIG, where=ON_SLURM)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder


def test_partitions_groups_and_shards(on_slurm, cluster):
    ran = [comment for _, state, comment in cluster.jobs("all") if state == "COMPLETED"]
    assert 10 <= len(ran) <= 20, f"small rules are not grouped: {ran}"
    grouped = next(comment for comment in ran if comment.startswith("rule_lists"))
    assert ("gather_base_lists" in grouped and "rule_rerank_wildcards" in grouped) or "rerank" in grouped
    assert sum("-of-2" in comment for comment in ran) == 8, "shards of titles, covers, base lists and of a re-ranker"
    on_gpu = {comment for _, _, comment in cluster.jobs("all", "gpu")}
    for rule in ON_A_GPU:
        assert any(comment.startswith(f"rule_{rule}_wildcards") for comment in on_gpu), rule
    assert not any("evaluate" in comment or "prepare" in comment for comment in on_gpu)


def test_every_byte_is_that_of_a_local_run(on_slurm, tmp_path):
    process = snakemake(copy_repository(tmp_path), *CONFIG)
    assert process.returncode == 0, process.stdout + process.stderr
    here, there = result_bytes(tmp_path), result_bytes(on_slurm)
    assert sorted(here) == sorted(there) and len(here) > 40
    assert [name for name in here if here[name] != there[name]] == []


def test_a_second_run_has_nothing_to_do(on_slurm):
    process = snakemake(on_slurm, *CONFIG, where=ON_SLURM)
    assert process.returncode == 0 and "Nothing to be done" in process.stdout + process.stderr


@pytest.mark.parametrize(
    ("name", "target", "rules"),
    [
        ("tables/effects.csv", False, {"measure_effects", "plot_figures", "report"}),
        ("lists/dssm_video/seed1/random/test.parquet", True, {"rerank"}),  # nothing else wants it now
    ],
)
def test_a_deleted_output_reruns_its_rule_and_its_descendants_only(on_slurm, name, target, rules):
    path = on_slurm / "results/sample/leave_one_out" / name
    content = path.read_bytes()
    path.unlink()
    named = ("--", path.relative_to(on_slurm)) if target else ()
    try:
        jobs = planned(snakemake(on_slurm, "-n", *CONFIG, *named, where=ON_SLURM))
    finally:
        path.write_bytes(content)
    assert {rule for rule, _ in jobs} == rules
