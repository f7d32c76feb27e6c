"""Continue a run that was killed: `python workflow/resume.py [ARGUMENTS OF SNAKEMAKE]`, or `make resume`.

It cancels the SLURM jobs, and ends the processes on this machine, that the dead run left at work in this folder,
takes the lock away, sets back the times of results that lie in the future, and starts Snakemake again, by default with
the arguments that the dead run had. It refuses while a Snakemake is at work on the folder from this machine. Whether
one is from another machine only you can know: `--dead` as the first argument says that none is.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "scripts"))

from reelrank.errors import InputError
from reelrank.running.arguments import host, remembered

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


def jobs_left(runs, folder="."):
    """Return the SLURM jobs, waiting or at work, of these runs in a working folder.

    A copy of the folder knows the runs of the original too, whose jobs are not its own.
    """
    query = ["squeue", "--noheader", "--user", str(os.getuid()), "--format", "%i|%j|%Z"]
    process = subprocess.run(query, capture_output=True, text=True, check=False)
    if process.returncode:
        raise SystemExit(f"resume: squeue does not say which jobs the run left: {process.stderr.strip()}")
    rows = [row.strip().split("|", 2) for row in process.stdout.splitlines() if row.count("|") >= 2]
    here = Path(folder).resolve()
    return [job for job, name, place in rows if name in runs and Path(place).resolve() == here]


def cancel_jobs(folder="."):
    """Cancel what earlier runs of a working folder left in the queue and wait for its end; return how many."""
    runs = run_ids(folder)
    if not runs:
        return 0
    if shutil.which("squeue") is None:
        raise SystemExit("resume: runs of this folder had SLURM jobs, but there is no squeue here to ask for them")
    jobs = jobs_left(runs, folder)
    if jobs:
        subprocess.run(["scancel", *jobs], check=False)  # one may have ended meanwhile; the queue tells
        wait_until(lambda: not jobs_left(runs, folder), f"SLURM jobs {', '.join(jobs)} end")
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
    now, late = time.time_ns(), {}
    for place, folders, files in os.walk(Path(folder) / "results", followlinks=True):
        for path in (Path(place) / name for name in [*folders, *files]):
            with contextlib.suppress(FileNotFoundError):
                when = path.lstat().st_mtime_ns
                if when > now and not path.is_symlink():
                    late[path] = when
    age = {when: number for number, when in enumerate(sorted(set(late.values()), reverse=True))}
    for path, when in late.items():
        # A millisecond apart, which Snakemake tells from each other: what is older than its input stays so.
        mended = now - age[when] * 1_000_000
        try:
            os.utime(path, ns=(mended, mended))
        except OSError as error:
            raise SystemExit(f"resume: the time of {path} lies in the future and cannot be set: {error}") from None
    return len(late)


def arguments_to_continue(given):
    """Return the arguments of Snakemake and the folder that they are relative to, or raise `SystemExit`."""
    sure, given = given[:1] == ["--dead"], given[given[:1] == ["--dead"] :]
    try:
        noted, started_in, elsewhere = remembered()
    except InputError as error:
        raise SystemExit(f"resume: {error}") from None
    if elsewhere not in ("", host()) and not sure:
        raise SystemExit(
            f"resume: the last run was started on {elsewhere}, where it may be alive. Make sure that it is not, or end "
            "it there; then: make resume DEAD=1 (or --dead as the first argument)"
        )
    if given:
        return given, Path()
    if not noted:
        raise SystemExit("resume: no run has been noted in this folder; give the arguments of Snakemake")
    if not started_in.is_dir():
        raise SystemExit(f"resume: the last run was started in {started_in}, which is gone; give the arguments")
    return noted, started_in


def main(arguments):
    """Clear up behind the dead run of this folder and continue it; return Snakemake's exit status."""
    arguments, started_in = arguments_to_continue(arguments)
    refuse_if_at_work()
    cancelled = cancel_jobs()
    ended = end_processes()
    if mended := mend_times():
        print(f"resume: {mended} results were made later than now, by the clock; their times are set back")
    print(f"resume: {cancelled} SLURM jobs cancelled, {ended} processes ended; continues: {' '.join(arguments)}")
    sys.stdout.flush()
    command = [sys.executable, "-m", "snakemake"]
    os.chdir(started_in)
    # Before the arguments, which may end in `-- targets`.
    if subprocess.run([*command, "--unlock", *arguments], check=False).returncode:
        return 1
    again = [] if {"--rerun-incomplete", "--ri"} & set(arguments) else ["--rerun-incomplete"]
    os.execv(sys.executable, [*command, *again, *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
