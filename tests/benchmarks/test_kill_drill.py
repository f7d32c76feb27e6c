"""Kill -9 of a sharded extraction by Snakemake at ten random moments: the rerun ends with the same bytes."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time

from snakemake_run import ROOT, result_bytes, snakemake

MOMENTS = 10
TARGET = "results/sample/features/all-MiniLM-L6-v2/title.npy"
ARGUMENTS = ("--configfile", ROOT / "tests/config/toy.yaml", "--config", "shards=4", "threads=1", "--", TARGET)


def features(folder):
    """Return the features of a run as bytes."""
    return {name: content for name, content in result_bytes(folder).items() if "/features/" in name}


def test_ten_kills(tmp_path):
    prepared = tmp_path / "prepared"
    process = snakemake(ROOT, *ARGUMENTS[:-1], "results/sample/prepared/items.parquet", directory=prepared)
    assert process.returncode == 0, process.stderr
    whole = tmp_path / "whole"
    shutil.copytree(prepared, whole)
    started = time.monotonic()
    assert snakemake(ROOT, *ARGUMENTS, directory=whole).returncode == 0
    length, expected = time.monotonic() - started, features(whole)
    rng, killed, kept = random.Random(1), 0, 0
    for moment in range(MOMENTS):
        folder = tmp_path / str(moment)
        shutil.copytree(prepared, folder)
        command = [sys.executable, "-m", "snakemake", "--cores", "2", "--snakefile", str(ROOT / "Snakefile")]
        run = subprocess.Popen(
            [*command, "--directory", str(folder), *map(str, ARGUMENTS)],
            env={**os.environ, "HF_HUB_OFFLINE": "1", "REELRANK_DEVICE": "cpu"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        time.sleep(rng.uniform(0.2, 0.95) * length)
        killed += run.poll() is None
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        kept += len(list(folder.rglob("*.npz")))
        snakemake(ROOT, "--unlock", *ARGUMENTS, directory=folder)
        process = snakemake(ROOT, "--rerun-incomplete", *ARGUMENTS, directory=folder)
        assert process.returncode == 0, process.stdout + process.stderr
        assert features(folder) == expected, f"kill {moment}"
    print(f"\n{killed} of {MOMENTS} kills in the middle, {kept} shards were kept; features identical to the byte")
    assert killed >= MOMENTS // 2
