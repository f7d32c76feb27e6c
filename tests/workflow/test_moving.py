"""A run is moved and goes on elsewhere; published files of others are only read."""

import shutil

from snakemake_run import copy_repository, planned, result_bytes, snakemake

SMALL = ("--configfile", "tests/config/drill.yaml")


def test_a_run_goes_on_in_another_folder(tmp_path):
    before = copy_repository(tmp_path / "before")
    process = snakemake(before, *SMALL, "--until", "recommend")
    assert process.returncode == 0, process.stdout + process.stderr
    made = result_bytes(before)
    after = shutil.move(before, tmp_path / "somewhere" / "else")
    rules = {rule for rule, _ in planned(snakemake(after, "-n", *SMALL))}
    assert "rerank" in rules and not rules & {"generate_sample", "prepare", "split", "train", "recommend"}
    process = snakemake(after, *SMALL)
    assert process.returncode == 0, process.stdout + process.stderr
    results = result_bytes(after)
    assert made.items() <= results.items(), "what was made is as it was"
    assert [name for name, content in results.items() if str(tmp_path).encode() in content] == []


def test_published_files_of_others_are_only_read(toy, repository, tmp_path):
    shared = shutil.copytree(toy / "results/sample/raw", tmp_path / "raw")
    for path in [*shared.rglob("*"), shared]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = {path: path.stat().st_mtime_ns for path in [shared, *shared.rglob("*")]}
    target = "results/sample/prepared/interactions.parquet"
    config = ("--configfile", repository / "tests/config/toy.yaml", "--config", f"raw_dir={shared}")
    process = snakemake(repository, *config, "--", target, directory=tmp_path / "run")
    assert process.returncode == 0, process.stdout + process.stderr
    assert "[1/1] " in process.stdout + process.stderr
    assert {path: path.stat().st_mtime_ns for path in [shared, *shared.rglob("*")]} == before
    assert (tmp_path / "run" / target).read_bytes() == (toy / target).read_bytes()
