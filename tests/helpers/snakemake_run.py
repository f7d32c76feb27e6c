"""Run Snakemake on a copy of the repository, as a user would."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Holds a `sitecustomize.py` that notes what is renamed, and by whom.
WATCHER = ROOT / "tests" / "helpers" / "renames"


def copy_repository(folder):
    """Copy the files that git knows (or would take) to `folder`."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name)
    return folder


#: Where jobs run: here, or on the SLURM of tests, whose jobs are short.
HERE = ("--cores", "2")
ON_SLURM = (
    "--profile", "profiles/slurm", "--jobs", "4", "--latency-wait", "10", "--retries", "0",
    "--slurm-init-seconds-before-status-checks", "1",
)  # fmt: skip


def command(repository, *arguments, directory=None, where=HERE):
    """Return the command of a run."""
    program = [sys.executable, "-m", "snakemake", "--snakefile", Path(repository) / "Snakefile"]
    return [*map(str, [*program, "--directory", directory or repository, *where, *arguments])]


def variables(environment=None):
    """Return the environment of a run: nothing reaches a network or a GPU."""
    return {**os.environ, "HF_HUB_OFFLINE": "1", "REELRANK_DEVICE": "cpu", **(environment or {})}


def watched(folder):
    """Return the environment of a run that notes in ``renames.txt`` of `folder` what got its name by a rename."""
    return {"PYTHONPATH": str(WATCHER), "REELRANK_TEST_RENAMES": str(Path(folder) / "renames.txt")}


def written_in_place(folder):
    """Return the results of a run, watched by `watched`, that did not get their name by a rename."""
    renamed = set(map(Path, (Path(folder) / "renames.txt").read_text().splitlines()))
    paths = (Path(folder) / "results" / name for name in result_bytes(folder))
    return [str(path) for path in paths if not renamed & {path, *path.parents}]


def snakemake(repository, *arguments, directory=None, timeout=1800, environment=None, where=HERE):
    """Run Snakemake and return the finished process."""
    return subprocess.run(
        command(repository, *arguments, directory=directory, where=where),
        cwd=repository,
        env=variables(environment),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def planned(process):
    """Return the jobs of a dry run as a set of (rule, base model or '')."""
    assert process.returncode == 0, process.stdout + process.stderr
    jobs = set()
    for block in re.split(r"^ *(?=(?:local)?rule \w+:)", process.stdout + process.stderr, flags=re.M)[1:]:
        rule = re.match(r"(?:local)?rule (\w+):", block)[1]  # indented where it is part of a group
        base = re.search(r"wildcards: .*base_model=([\w-]+)", block)
        jobs.add((rule, base[1] if base else ""))
    jobs.discard(("all", ""))
    return jobs


def result_bytes(folder):
    """Return the content of every result file but logs, benchmarks and what shows their seconds."""
    files = {}
    for path in sorted((Path(folder) / "results").rglob("*")):
        parts = path.relative_to(Path(folder) / "results").parts
        if (
            path.is_file()
            and parts[0] not in ("logs", "benchmarks")
            and path.name not in (".gitkeep", ".snakemake_timestamp", "report.html", "gain_against_cost.svg")
        ):
            files["/".join(parts)] = path.read_bytes()
    return files
