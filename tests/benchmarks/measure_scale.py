"""Measure time, memory and disk of each rule at several sizes, and fit power laws to them.

Runs the workflow on generated datasets, reads what every job used, and writes ``docs/scale_measured.csv``:

    python tests/benchmarks/measure_scale.py --folder /tmp/scale

Sizes that the folder holds already are not run again. ``--fit-only`` runs none.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import scale_fit
import scale_table
import yaml

sys.path.append(str(Path(__file__).parents[1] / "helpers"))
from snakemake_run import ROOT, command, variables

#: What is run at a size: base models, re-rankers, and the jobs to measure. Other jobs of such a run do less work than
#: in a run of kind ``all`` and cannot be compared. The largest sizes leave fusions out: smaller sizes give their law.
KINDS = {
    "all": (
        ["pop", "nfm"],
        ["identity", "random", "all-MiniLM-L6-v2", "all-MiniLM-L6-v2-deep", "rrf", "zscore", "lambdamart"],
        "",
    ),
    "lists": (
        ["pop"],
        ["identity", "random", "all-MiniLM-L6-v2"],
        "raw|prepared|split|models|lists/pop/(?!evaluate)",
    ),
    "models": (
        ["dssm", "bpr", "sasrec", "gru4rec", "item_knn", "ease", "als"],
        ["identity"],
        "models|lists/.*recommend",
    ),
}

#: Kind, users, items and candidates of each run, the most informative first. The number of users varies most.
RUNS = (
    ("all", 1_000, 1_000, 100),
    ("all", 10_000, 1_000, 100),
    ("models", 1_000, 1_000, 100),
    ("models", 10_000, 1_000, 100),
    ("all", 10_000, 10_000, 100),
    ("all", 10_000, 1_000, 200),
    ("models", 10_000, 10_000, 100),
    ("all", 3_000, 1_000, 100),
    ("all", 10_000, 1_000, 25),
    ("lists", 300_000, 1_000, 100),
    ("all", 100_000, 1_000, 100),
    ("lists", 1_000_000, 1_000, 100),
    ("models", 30_000, 1_000, 100),
    ("all", 30_000, 10_000, 100),
    ("all", 10_000, 3_000, 100),
    ("models", 10_000, 3_000, 100),
    ("models", 3_000, 1_000, 100),
    ("all", 30_000, 1_000, 100),
)

#: Interactions of a generated user, as in MicroLens-100k.
PER_USER = 7.2

USED = re.compile(r"used ([\d.]+) s of processor time and at most (\d+) MiB")


def overlay(kind, users, items, candidates):
    """Return the config of a run: the default one with these sizes, one epoch of training and text alone."""
    generate = {"users": users, "items": items, "interactions_per_user": PER_USER}
    base_models, rerankers, _ = KINDS[kind]
    return {
        "datasets": {"sample": {"generate": generate}},
        "run": {"base_models": base_models, "rerankers": rerankers},
        "rerankers": {
            "all-MiniLM-L6-v2-deep": {"depth": min(100, candidates)},
            "lambdamart": {"similarities": [{"encoder": "all-MiniLM-L6-v2", "field": "title"}]},
        },
        "fields": ["title", "comments"],
        "joined_fields": {},
        "tags": {},
        "candidates": candidates,
        "models": {name: {"epochs": 1} for name in ("nfm", "dssm", "bpr", "sasrec", "gru4rec")},
        "audit": {"users": 0},  # would do the same again
        "diversity": {"encoder": "all-MiniLM-L6-v2", "field": "title"} if kind == "all" else None,
    }


def run(folder, sizes, timeout):
    """Run the workflow at one size; return whether it succeeded."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(overlay(*sizes)), encoding="utf-8")
    arguments = ("--configfile", config, "--rerun-incomplete", "--rerun-triggers", "mtime")
    program = command(ROOT, *arguments, directory=folder, where=("--cores", "1"))
    environment = variables({"OMP_NUM_THREADS": "1"})
    subprocess.run(
        [*program, "--unlock"], env=environment, capture_output=True, check=False
    )  # of a run that was killed
    with open(folder / "output.txt", "w") as output:
        process = subprocess.Popen(
            program, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        return process.wait(timeout) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        if process.poll() is None:  # jobs that go on running would disturb the next measurement
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def jobs(folder):
    """Yield (job, seconds, MiB) of every benchmark file under `folder`.

    A job is named by its file without the dataset, protocol and seed. Processor time and peak memory are those that the
    step wrote to its log, because Snakemake samples a process only every 0.5 s, and after 15 s only every 30 s.
    Snakemake's numbers are used where a step wrote none.
    """
    root = folder / "results/benchmarks/sample"
    for path in sorted(root.rglob("*.tsv")):
        place = Path(re.sub(r"(\.all-of-\d+)?\.tsv$", "", path.relative_to(root).as_posix()))
        parts = [part for part in place.parts if part not in ("leave_one_out", "seed1")]
        row = dict(zip(*(line.split("\t") for line in path.read_text().splitlines()[:2]), strict=True))
        log = folder / "results/logs/sample" / f"{place}.log"
        used = USED.findall(log.read_text(errors="replace")) if log.is_file() else []
        seconds, memory = used[-1] if used else (row["cpu_time"], row["max_rss"])
        if "NA" not in (seconds, memory) and "-" not in (seconds, memory):
            yield "/".join(parts), float(seconds), float(memory)


def disk(folder):
    """Yield (kind of result, MiB) of the result folders."""
    sizes = {}
    root = folder / "results/sample"
    for path in root.rglob("*"):
        if path.is_file():
            parts = [part for part in path.relative_to(root).parts[:-1] if part not in ("leave_one_out", "seed1")]
            key = "/".join(parts[:3]) or "split, item_statistics"
            sizes[key] = sizes.get(key, 0) + path.stat().st_size / 2**20
    yield from sorted(sizes.items())


def measured(folder):
    """Return rows of (quantity, job, users, items, candidates, value) of all runs in `folder`."""
    rows = []
    for config in sorted(folder.glob("*/config.yaml")):
        block = yaml.safe_load(config.read_text(encoding="utf-8"))
        generate = block["datasets"]["sample"]["generate"]
        sizes = generate["users"], generate["items"], block["candidates"]
        wanted = re.compile(KINDS[config.parent.name.split("-")[0]][2])
        for job, seconds, memory in jobs(config.parent):
            if wanted.match(job):
                rows += [("seconds", job, *sizes, seconds), ("MiB of memory", job, *sizes, memory)]
        rows += [("MiB on disk", kind, *sizes, value) for kind, value in disk(config.parent) if wanted.match(kind)]
    return rows


def main():
    """Run the missing sizes, then fit the laws and write them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--folder", type=Path, required=True, help="where the runs are kept")
    parser.add_argument("--fit-only", action="store_true")
    parser.add_argument("--largest", type=int, default=1_000_000, help="users of the largest run")
    parser.add_argument("--timeout", type=float, default=3600, help="seconds for one run")
    parser.add_argument("--output", type=Path, default=scale_table.LAWS)
    arguments = parser.parse_args()
    for sizes in () if arguments.fit_only else RUNS:
        folder = arguments.folder / "-".join(map(str, sizes))
        if sizes[1] <= arguments.largest and not (folder / "done").is_file():
            finished = run(folder, sizes, arguments.timeout)
            print(folder.name, "done" if finished else "FAILED", flush=True)
            if finished:
                (folder / "done").touch()
    scale_table.write(scale_fit.describe(measured(arguments.folder), PER_USER), arguments.output)


if __name__ == "__main__":
    main()
