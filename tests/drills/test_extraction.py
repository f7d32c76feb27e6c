"""Kill -9 of a sharded extraction by Snakemake at random moments: the rerun ends with the same bytes."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from snakemake_run import ROOT, command, result_bytes, snakemake, variables

TARGET = "results/sample/features/all-MiniLM-L6-v2/title.npy"
ARGUMENTS = ("--configfile", ROOT / "tests/config/toy.yaml", "--config", "item_shards=4", "threads=1", "--")


def features(folder):
    """Return the features of a run as bytes."""
    return {name: content for name, content in result_bytes(folder).items() if "/features/" in name}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return a folder with the prepared tables, the features that an undisturbed run makes, and its seconds."""
    prepared, whole = tmp_path_factory.mktemp("prepared"), tmp_path_factory.mktemp("whole") / "run"
    process = snakemake(ROOT, *ARGUMENTS, "results/sample/prepared/items.parquet", directory=prepared)
    assert process.returncode == 0, process.stderr
    shutil.copytree(prepared, whole)
    started = time.monotonic()
    process = snakemake(ROOT, *ARGUMENTS, TARGET, directory=whole)
    assert process.returncode == 0, process.stderr
    return prepared, features(whole), time.monotonic() - started


@pytest.mark.parametrize("moment", range(10))
def test_an_extraction_is_killed(moment, undisturbed, tmp_path, moments):
    prepared, expected, seconds = undisturbed
    folder = shutil.copytree(prepared, tmp_path / "run")
    run = subprocess.Popen(
        command(ROOT, *ARGUMENTS, TARGET, directory=folder),
        env=variables(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(moments.uniform(0.2, 0.9) * seconds)
    killed = run.poll() is None
    if killed:
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()
    print(f"\n{'killed in the middle' if killed else 'over before'}, {len(list(folder.rglob('*.npz')))} shards kept")
    snakemake(ROOT, "--unlock", *ARGUMENTS, TARGET, directory=folder)
    process = snakemake(ROOT, "--rerun-incomplete", *ARGUMENTS, TARGET, directory=folder)
    assert process.returncode == 0, process.stdout + process.stderr
    assert features(folder) == expected
