"""Continue a run that was killed: `python workflow/resume.py [ARGUMENTS OF SNAKEMAKE]`, or `make resume`.

It cancels the SLURM jobs and ends the processes on this machine that the dead run left in this folder, removes the
lock, and sets the times of results that lie in the future to now. Then it starts Snakemake again, by default with the
arguments of the dead run. It refuses if a Snakemake on this machine is running in the folder. It cannot check other
machines: with `--dead` as the first argument you confirm that no Snakemake is running there.
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

#: Folder of Snakemake's logs, relative to the working folder.
LOGS = ".snakemake/log/*.snakemake.log"

#: The SLURM executor uses this id as the name of every job of a run.
RUN_ID = re.compile(r"SLURM run ID: ([\w-]+)")

#: Maximum seconds to wait for cancelled jobs and processes to end.
PATIENCE = 120


def run_ids(folder="."):
    """Return the ids of all SLURM runs of a working folder."""
    logs = sorted(Path(folder).glob(LOGS))
    return {run for log in logs for run in RUN_ID.findall(log.read_text(encoding="utf-8", errors="replace"))}


def jobs_left(runs, folder="."):
    """Return the queued or running SLURM jobs of these runs in a working folder.

    Jobs in other folders are left out: a copied folder also has the run ids of the original.
    """
    query = ["squeue", "--noheader", "--user", str(os.getuid()), "--format", "%i|%j|%Z"]
    process = subprocess.run(query, capture_output=True, text=True, check=False)
    if process.returncode:
        raise SystemExit(f"resume: squeue cannot list the jobs that the run left: {process.stderr.strip()}")
    rows = [row.strip().split("|", 2) for row in process.stdout.splitlines() if row.count("|") >= 2]
    here = Path(folder).resolve()
    return [job for job, name, place in rows if name in runs and Path(place).resolve() == here]


def cancel_jobs(folder="."):
    """Cancel the queued and running jobs of earlier runs, wait until they end, and return their number."""
    runs = run_ids(folder)
    if not runs:
        return 0
    if shutil.which("squeue") is None:
        raise SystemExit(
            "resume: runs of this folder had SLURM jobs, but squeue is not installed here; resume where it is"
        )
    jobs = jobs_left(runs, folder)
    if jobs:
        subprocess.run(
            ["scancel", *jobs], check=False
        )  # no check: a job may have ended meanwhile; squeue shows what is left
        wait_until(lambda: not jobs_left(runs, folder), f"SLURM jobs {', '.join(jobs)} end")
    return len(jobs)


def processes(folder="."):
    """Return ``(ids of Snakemake's main processes, ids of its job processes)`` on this machine, for a folder."""
    folder = Path(folder).resolve()
    mains, jobs = [], []
    for entry in Path("/proc").iterdir():
        try:
            if int(entry.name) == os.getpid() or (entry / "cwd").resolve() != folder:
                continue
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except (ValueError, OSError):
            continue  # not a process, of another user, or already ended
        is_snakemake = any(Path(word).name == "snakemake" for word in words[:2]) or words[1:3] == ["-m", "snakemake"]
        if any("/.snakemake/scripts/" in word for word in words) or (is_snakemake and "--target-jobs" in words):
            jobs.append(int(entry.name))
        elif is_snakemake:
            mains.append(int(entry.name))
    return mains, jobs


def refuse_if_at_work(folder="."):
    """Raise `SystemExit` if a Snakemake is running in the folder on this machine."""
    mains, _ = processes(folder)
    if mains:
        raise SystemExit(f"resume: Snakemake is running in this folder (process {mains[0]}); end it first")


def end_processes(folder="."):
    """End the job processes of a dead run on this machine, wait until they end, and return their number."""
    _, jobs = processes(folder)
    for job in jobs:
        with contextlib.suppress(ProcessLookupError):
            os.kill(job, signal.SIGTERM)
    wait_until(lambda: not processes(folder)[1], f"processes {', '.join(map(str, jobs))} end")
    return len(jobs)


def wait_until(done, what):
    """Wait until `done()` is true; raise `SystemExit` after `PATIENCE` seconds."""
    end = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > end:
            raise SystemExit(f"resume: gave up after {PATIENCE} s of waiting until {what}")
        time.sleep(0.5)


def mend_times(folder="."):
    """Set result times that lie in the future to now, keep their order, and return their number.

    Such times appear when the clock was set back. Snakemake would refuse new results that are older than their input.
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
        # One millisecond apart, so that Snakemake still sees the order.
        mended = now - age[when] * 1_000_000
        try:
            os.utime(path, ns=(mended, mended))
        except OSError as error:
            raise SystemExit(f"resume: cannot set the time of {path}, which lies in the future: {error}") from None
    return len(late)


def arguments_to_continue(given):
    """Return the arguments of Snakemake and the folder that they are relative to; raise `SystemExit` if unknown."""
    sure, given = given[:1] == ["--dead"], given[given[:1] == ["--dead"] :]
    try:
        noted, started_in, elsewhere = remembered()
    except InputError as error:
        raise SystemExit(f"resume: {error}") from None
    if elsewhere not in ("", host()) and not sure:
        raise SystemExit(
            f"resume: the last run was started on {elsewhere} and may still run there. Make sure that it does not, or "
            "end it; then run: make resume DEAD=1 (or give --dead as the first argument)"
        )
    if given:
        return given, Path()
    if not noted:
        raise SystemExit("resume: found no earlier run in this folder; give the arguments of Snakemake")
    if not started_in.is_dir():
        raise SystemExit(
            f"resume: the last run was started in {started_in}, which does not exist; give the arguments of Snakemake"
        )
    return noted, started_in


def main(arguments):
    """Clean up after the dead run of this folder and continue it; return Snakemake's exit status."""
    arguments, started_in = arguments_to_continue(arguments)
    refuse_if_at_work()
    cancelled = cancel_jobs()
    ended = end_processes()
    if mended := mend_times():
        print(f"resume: {mended} results had times in the future; their times are now set to the present")
    print(f"resume: {cancelled} SLURM jobs cancelled, {ended} processes ended; continues: {' '.join(arguments)}")
    sys.stdout.flush()
    command = [sys.executable, "-m", "snakemake"]
    os.chdir(started_in)
    # Options come before the arguments, which may end in `-- targets`.
    if subprocess.run([*command, "--unlock", *arguments], check=False).returncode:
        return 1
    again = [] if {"--rerun-incomplete", "--ri"} & set(arguments) else ["--rerun-incomplete"]
    os.execv(sys.executable, [*command, *again, *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
