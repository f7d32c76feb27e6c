"""Run Snakemake on a copy of the repository, as a user would."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


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


def snakemake(repository, *arguments, directory=None, timeout=600, environment=None):
    """Run Snakemake and return the finished process; nothing reaches a network."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--snakefile", str(Path(repository) / "Snakefile")]
    command += ["--directory", str(directory or repository), *map(str, arguments)]
    variables = {**os.environ, "HF_HUB_OFFLINE": "1", "REELRANK_DEVICE": "cpu", **(environment or {})}
    return subprocess.run(
        command, cwd=repository, env=variables, capture_output=True, text=True, timeout=timeout, check=False
    )


def planned(process):
    """Return the jobs of a dry run as a set of (rule, base model or '')."""
    assert process.returncode == 0, process.stdout + process.stderr
    jobs = set()
    for block in re.split(r"^(?=(?:local)?rule \w+:)", process.stdout + process.stderr, flags=re.M)[1:]:
        rule = re.match(r"(?:local)?rule (\w+):", block)[1]
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
