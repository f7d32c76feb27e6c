"""Bad input through Snakemake: exit code, one clear line, nothing under a final name."""

import os
import subprocess

import pytest
from snakemake_run import snakemake

PREPARED = "results/ml-100k/prepared/statistics.json"


def message(process):
    """Return what a failed run printed."""
    assert process.returncode != 0
    return process.stdout + process.stderr


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("models={nfm: {learnig_rate: 0.1}}", ["models.nfm.learnig_rate", "did you mean learning_rate?"]),
        ("models={nfm: {learning_rate: fast}}", ["models.nfm.learning_rate", "'fast'", "above 0"]),
        ("models={nfm: {type: nmf}}", ["models.nfm.type", "'nmf'", "nfm"]),
        ("run={base_models: [nfmm]}", ["run.base_models", "'nfmm'", "nfm"]),
        ("run={rerankers: [identity, MiniLM]}", ["run.rerankers", "'MiniLM'"]),
        (
            "rerankers={rrf: {signals: [clip_covr]}}",
            ["rerankers.rrf.signals", "'clip_covr'", "did you mean clip_cover?"],
        ),
        ("rerankers={zscore: {signals: [own-llama]}}", ["rerankers.zscore.signals", "'own-llama'", "hits"]),
        ("dataset=smaple", ["dataset", "'smaple'", "sample"]),
        ("cutoffs=[5,50]", ["cutoffs", "50", "20", "random"]),
        ("raw_dir=no/such/folder", ["raw_dir", "'no/such/folder'", "does not exist"]),
        ("candidats=10", ["candidats", "candidates"]),
    ],
)
def test_a_wrong_config_is_refused_before_any_job(repository, tmp_path, setting, expected):
    text = message(snakemake(repository, "-n", "--config", setting, directory=tmp_path))
    for part in expected:
        assert part in text
    assert not (tmp_path / "results").exists()


def write_small_ml_100k(folder):
    """Write a handful of ratings in the layout of MovieLens 100K."""
    folder.mkdir()
    rows = [f"{user}\t{item}\t5\t{880000000 + 10 * item}" for user in range(1, 5) for item in range(1, 6)]
    (folder / "u.data").write_text("\n".join(rows) + "\n")
    (folder / "u.genre").write_text("unknown|0\nDrama|1\n")
    (folder / "u.item").write_text("".join(f"{item}|Film {item}|01-Jan-1995||url|0|1\n" for item in range(1, 6)))
    (folder / "u.user").write_text("".join(f"{user}|30|F|artist|00000\n" for user in range(1, 5)))
    return folder


def test_a_wrong_line_is_named_on_the_terminal(repository, tmp_path):
    raw = write_small_ml_100k(tmp_path / "raw")
    with open(raw / "u.data", "a") as stream:
        stream.write("5\tx12\t5\t880000000\n")
    arguments = ("--configfile", repository / "config/ml-100k.yaml", "--config", f"raw_dir={raw}", "--", PREPARED)
    text = message(snakemake(repository, *arguments, directory=tmp_path))
    assert f"{raw}/u.data: line 21: found 'x12' for 'movieId'; expected int64" in text
    assert not list((tmp_path / "results").rglob("*.parquet")) and not (tmp_path / PREPARED).exists()


def test_a_file_that_raw_dir_lacks_is_named(repository, tmp_path):
    raw = write_small_ml_100k(tmp_path / "raw")
    (raw / "u.item").unlink()
    arguments = ("-n", "--configfile", repository / "config/ml-100k.yaml", "--config", f"raw_dir={raw}")
    text = message(snakemake(repository, *arguments, directory=tmp_path))
    assert "raw_dir" in text and "'u.item'" in text and "'ml-100k.zip'" in text


def test_a_full_disk_leaves_nothing_half_written(repository, tmp_path):
    raw = write_small_ml_100k(tmp_path / "raw")
    results = tmp_path / "results" / "ml-100k"
    results.mkdir(parents=True)
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", results], check=False).returncode
    ):
        pytest.skip("mounting a tiny tmpfs takes root")
    try:
        arguments = ("--configfile", repository / "config/ml-100k.yaml", "--config", f"raw_dir={raw}", "--", PREPARED)
        text = message(snakemake(repository, *arguments, directory=tmp_path))
        assert "No space left on device" in text and "reelrank: error:" in text
        assert not [path for path in results.rglob("*") if path.is_file()]
    finally:
        subprocess.run(["umount", results], check=True)
