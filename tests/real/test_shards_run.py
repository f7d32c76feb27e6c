"""One config run twice from scratch, the second time with its users in shards; and what makes shards run again."""

import pytest
from snakemake_run import ROOT, planned, result_bytes, snakemake

ONCE = ("--configfile", ROOT / "tests/config/toy.yaml", "--config", "run={base_models: [dssm_video]}")
AGAIN = (*ONCE, "user_shards=2")

#: What makes the lists of a re-ranker of type `likelihood` in shards.
OF_LIKELIHOOD = {"rerank_on_gpu_shard", "gather_lists"}


@pytest.fixture(scope="module")
def once(repository, tmp_path_factory):
    """Return a folder in which the config has run."""
    return run(repository, tmp_path_factory.mktemp("once"), ONCE)


@pytest.fixture(scope="module")
def again(repository, tmp_path_factory):
    """Return a folder in which it has run with its users in shards."""
    return run(repository, tmp_path_factory.mktemp("again"), AGAIN)


def run(repository, folder, arguments):
    """Run the workflow with `folder` as its working folder, and return the folder."""
    process = snakemake(repository, *arguments, directory=folder)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder


def test_a_run_from_scratch_with_users_in_shards_makes_the_same_bytes(once, again):
    first, second = result_bytes(once), result_bytes(again)
    assert sorted(first) == sorted(second) and len(first) > 40
    # The config beside the results says the number of shards, which differs here by intent.
    assert [name for name in first if first[name] != second[name]] == ["sample/leave_one_out/config.yaml"]


@pytest.mark.parametrize(
    ("more", "rules"),
    [
        ("scoring_precision=tf32", {"recommend_shard", "gather_base_lists", *OF_LIKELIHOOD}),
        ("language_models={own-llama: {layers: 2}}", {"train_language_model", *OF_LIKELIHOOD}),
        ("rerankers={own-llama: {history_length: 3}}", OF_LIKELIHOOD),
    ],
)
def test_what_decided_shards_decides_what_was_gathered_of_them(again, repository, more, rules):
    """The shards themselves are gone."""
    target = "results/sample/leave_one_out/lists/dssm_video/seed1/own-llama/test.parquet"
    jobs = planned(snakemake(repository, "-n", *AGAIN, more, "--", target, directory=again))
    assert {rule for rule, _ in jobs} == rules


def test_a_service_is_waited_for_by_one_job_and_texts_that_are_encoded_here_are_spread(again, repository):
    together = "{{type: similarity, encoder: {}, field: title, pooling: concatenate}}"
    names = {"here": "all-MiniLM-L6-v2", "there": "remote"}
    added = ", ".join(f"{name}: {together.format(encoder)}" for name, encoder in names.items())
    overlay = (
        "encoders={remote: {type: huggingface, model: a/b, send_to_third_party: true}}",
        f"rerankers={{{added}}}",
        "run={rerankers: [identity, here, there], base_models: [dssm_video]}",
    )
    lists = [f"results/sample/leave_one_out/lists/dssm_video/seed1/{name}/test.parquet" for name in names]
    jobs = planned(snakemake(repository, "-n", *AGAIN, *overlay, "--", *lists, directory=again))
    assert {"rerank_on_gpu_shard", "rerank", "gather_lists"} < {rule for rule, _ in jobs}
