"""Bad input through Snakemake: exit code, one clear line, nothing under a final name.

What is refused, and in which words, stands in tests/unit/test_config_refused.py and the tests of readers.
"""

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
        ("run={base_models: [nfmm]}", ["run.base_models", "'nfmm'", "nfm"]),
        ("raw_dir=no/such/folder", ["raw_dir", "'no/such/folder'", "does not exist"]),
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
