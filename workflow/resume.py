"""Continue a run that was killed: `python workflow/resume.py [ARGUMENTS OF SNAKEMAKE]`, or `make resume`.

It cancels the SLURM jobs, and ends the processes on this machine, that the dead run left at work in this folder,
takes the lock away, sets back the times of results that lie in the future, and starts Snakemake again, by default with
the arguments that the dead run had. It refuses while a Snakemake is at work on the folder from this machine; whether
one is from another, only you can know.
"""

import contextlib
import getpass
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "scripts"))

from reelrank.run_arguments import remembered

#: Where Snakemake keeps its logs, below the working folder.
LOGS = ".snakemake/log/*.snakemake.log"

#: The executor gives every job of a run this id as its name.
RUN_ID = re.compile(r"SLURM run ID: ([\w-]+)")

#: Seconds that cancelled jobs and processes may take to end.
PATIENCE = 120


def run_ids(folder="."):
    """Return the ids of all SLURM runs of a working folder."""
    logs = sorted(Path(folder).glob(LOGS))
    return {run for log in logs for run in RUN_ID.findall(log.read_text(encoding="utf-8", errors="replace"))}


def jobs_left(runs):
    """Return the SLURM jobs, waiting or at work, of these runs."""
    query = ["squeue", "--noheader", "--user", getpass.getuser(), "--format", "%i|%j"]
    rows = subprocess.run(query, capture_output=True, text=True, check=True).stdout.splitlines()
    return [job for job, _, name in (row.strip().partition("|") for row in rows) if name in runs]


def cancel_jobs(folder="."):
    """Cancel what earlier runs of a working folder left in the queue and wait for its end; return how many."""
    runs = run_ids(folder)
    if not runs or shutil.which("squeue") is None:
        return 0
    jobs = jobs_left(runs)
    if jobs:
        subprocess.run(["scancel", *jobs], check=True)
        wait_until(lambda: not jobs_left(runs), f"SLURM jobs {', '.join(jobs)} end")
    return len(jobs)


def processes(folder="."):
    """Return ``(ids of Snakemake's main processes, ids of its jobs)`` that are at work in a folder, on this machine."""
    folder = Path(folder).resolve()
    mains, jobs = [], []
    for entry in Path("/proc").iterdir():
        try:
            if int(entry.name) == os.getpid() or (entry / "cwd").resolve() != folder:
                continue
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except (ValueError, OSError):
            continue  # no process, another's, or one that has ended
        is_snakemake = any(Path(word).name == "snakemake" for word in words[:2]) or words[1:3] == ["-m", "snakemake"]
        if any("/.snakemake/scripts/" in word for word in words) or (is_snakemake and "--target-jobs" in words):
            jobs.append(int(entry.name))
        elif is_snakemake:
            mains.append(int(entry.name))
    return mains, jobs


def refuse_if_at_work(folder="."):
    """Raise `SystemExit` if the Snakemake of a folder is alive on this machine."""
    mains, _ = processes(folder)
    if mains:
        raise SystemExit(f"resume: Snakemake is at work on this folder (process {mains[0]}); end it first")


def end_processes(folder="."):
    """End the jobs of a dead run on this machine and wait for their end; return how many."""
    _, jobs = processes(folder)
    for job in jobs:
        with contextlib.suppress(ProcessLookupError):
            os.kill(job, signal.SIGTERM)
    wait_until(lambda: not processes(folder)[1], f"processes {', '.join(map(str, jobs))} end")
    return len(jobs)


def wait_until(done, what):
    """Wait until `done()`; give up after `PATIENCE` seconds."""
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            raise SystemExit(f"resume: waited {PATIENCE} s in vain until {what}")
        time.sleep(0.5)


def mend_times(folder="."):
    """Set the times of results that lie in the future to now, in their order; return how many there were.

    They come of a clock that was set back. Snakemake refuses what it makes of them: it would be older than its input.
    """
    now = time.time_ns()
    times = {path: path.lstat().st_mtime_ns for path in (Path(folder) / "results").rglob("*") if not path.is_symlink()}
    late = {path: when for path, when in times.items() if when > now}
    age = {when: number for number, when in enumerate(sorted(set(late.values()), reverse=True))}
    for path, when in late.items():
        # A millisecond apart, which Snakemake tells from each other: what is older than its input stays so.
        mended = now - age[when] * 1_000_000
        os.utime(path, ns=(mended, mended))
    return len(late)


def main(arguments):
    """Clear up behind the dead run of this folder and continue it; return Snakemake's exit status."""
    started_in = Path()
    if not arguments:
        arguments, started_in = remembered()
    if not arguments:
        print("resume: no run has been noted in this folder; give the arguments of Snakemake", file=sys.stderr)
        return 2
    refuse_if_at_work()
    cancelled = cancel_jobs()
    ended = end_processes()
    if mended := mend_times():
        print(f"resume: {mended} results were made later than now, by the clock; their times are set back")
    print(f"resume: {cancelled} SLURM jobs cancelled, {ended} processes ended; continues: {' '.join(arguments)}")
    sys.stdout.flush()
    command = [sys.executable, "-m", "snakemake", *arguments]
    subprocess.run([*command, "--unlock"], cwd=started_in, check=True)
    if "--rerun-incomplete" not in arguments and "--ri" not in arguments:
        command.append("--rerun-incomplete")
    os.chdir(started_in)
    os.execv(sys.executable, command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
