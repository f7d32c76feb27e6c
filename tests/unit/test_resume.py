"""What a killed run left behind is found, and nothing else: its SLURM jobs, its processes, its arguments."""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reelrank.running.arguments import ARGUMENTS, host, remember, remembered

SCRIPT = Path(__file__).parents[2] / "workflow" / "resume.py"
SPECIFICATION = importlib.util.spec_from_file_location("resume", SCRIPT)
resume = importlib.util.module_from_spec(SPECIFICATION)
SPECIFICATION.loader.exec_module(resume)

OWN, OTHER = "0cb42a26-9207-521b-acc4-5116e53f6f45", "ffffffff-9207-521b-acc4-5116e53f6f45"


@pytest.fixture
def workdir(tmp_path, monkeypatch):
    """Return a working folder in which one run on SLURM and one here have been."""
    logs = tmp_path / ".snakemake" / "log"
    logs.mkdir(parents=True)
    (logs / "2026-11-21T134446.832413.snakemake.log").write_text(f"host: a\nSLURM run ID: {OWN}\nBuilding DAG\n")
    (logs / "2026-11-21T144446.832413.snakemake.log").write_text("host: a\nBuilding DAG\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Stand in for SLURM: a file is the queue, and scancel takes jobs out of it."""
    programs, jobs = tmp_path / "programs", tmp_path / "queue"
    programs.mkdir()
    for name, line in {
        "squeue": f'cat "{jobs}"',
        "scancel": f'for job in "$@"; do sed -i "/^$job|/d" "{jobs}"; done',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return jobs


def test_arguments_come_back_from_where_the_run_was_started(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    assert remembered(tmp_path / "work") == ([], tmp_path / "work", "")
    monkeypatch.setenv("PWD", str(tmp_path))  # as a shell leaves it, whatever Snakemake changes to
    remember(["/bin/snakemake", "--cores", "2", "-d", "work"], tmp_path / "Snakefile", tmp_path / "work")
    moved = (tmp_path / "work").rename(tmp_path / "elsewhere")
    arguments, started_in, machine = remembered(moved)
    assert arguments == ["--cores", "2", "-d", "work"] and started_in.resolve() == tmp_path.resolve()
    assert machine == host()
    remember(["/bin/pytest", "tests"], tmp_path / "Snakefile", moved)
    assert remembered(moved)[0] == arguments, "another program's arguments are not Snakemake's"


def test_jobs_of_this_folder_are_cancelled_and_others_stay(workdir, queue):
    kept = f"12|{OTHER}|{workdir}\n14|mine|{workdir}\n15|{OWN}|{workdir}-copied-from\n"
    queue.write_text(f"11|{OWN}|{workdir}\n13_2|{OWN}|{workdir}\n{kept}")
    assert resume.cancel_jobs() == 2
    assert queue.read_text() == kept
    assert resume.cancel_jobs() == 0


def test_without_slurm_there_is_nothing_to_cancel(workdir, monkeypatch):
    monkeypatch.setenv("PATH", str(workdir))
    with pytest.raises(SystemExit, match="squeue is not installed here"):
        resume.cancel_jobs()
    for log in (workdir / ".snakemake/log").iterdir():
        log.write_text("host: a\nBuilding DAG\n")
    assert resume.cancel_jobs() == 0


def test_a_queue_that_does_not_answer_is_told_of(workdir, queue):
    (workdir / "programs/squeue").write_text("#!/bin/sh\necho no controller >&2; exit 1\n")
    with pytest.raises(SystemExit, match="squeue cannot list the jobs that the run left: no controller"):
        resume.cancel_jobs()


def test_jobs_that_do_not_end_are_not_run_over(workdir, queue, monkeypatch):
    queue.write_text(f"11|{OWN}|{workdir}\n")
    (workdir / "programs" / "scancel").write_text("#!/bin/sh\n")
    monkeypatch.setattr(resume, "PATIENCE", 0.1)
    with pytest.raises(SystemExit, match="of waiting until SLURM jobs 11 end"):
        resume.cancel_jobs()


@pytest.fixture
def process(workdir):
    """Return a function that starts a process that waits, with these words as its arguments."""
    started = []

    def start(*words, cwd=workdir):
        program = "import sys, time; print(flush=True); time.sleep(60)"
        one = subprocess.Popen([sys.executable, "-c", program, *words], cwd=cwd, stdout=subprocess.PIPE)
        one.stdout.read(1)
        started.append(one)
        return one

    yield start
    for one in started:
        one.kill()
        one.wait()


def test_only_steps_of_this_folder_are_ended(workdir, process, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    step = process(f"{workdir}/.snakemake/scripts/tmpabc.train.py")
    others = [
        process(f"{elsewhere}/.snakemake/scripts/tmpabc.train.py", cwd=elsewhere),
        process("something", "else"),
    ]
    assert resume.processes() == ([], [step.pid])
    # It is a child of this process: nobody else would wait for its end.
    os.kill(step.pid, 15)
    step.wait()
    assert resume.end_processes() == 0
    assert [one.poll() for one in others] == [None, None]


def test_a_snakemake_at_work_is_left_alone(workdir, tmp_path):
    (tmp_path / "snakemake").write_text("print(flush=True); import time; time.sleep(60)")
    command = [sys.executable, tmp_path / "snakemake", "--cores", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as alive:
        try:
            alive.stdout.read(1)
            with pytest.raises(SystemExit, match=f"running in this folder .process {alive.pid}"):
                resume.refuse_if_at_work()
        finally:
            alive.kill()


def test_a_folder_without_a_run_says_so(workdir):
    with pytest.raises(SystemExit, match="found no earlier run in this folder"):
        resume.main([])


def test_a_damaged_note_is_named(workdir):
    (workdir / ARGUMENTS).write_text('{"arguments": ["--cor')
    with pytest.raises(SystemExit, match=f"{ARGUMENTS}: cannot read the arguments of the last run"):
        resume.main([])


def test_a_run_of_another_machine_may_be_alive(workdir, monkeypatch):
    monkeypatch.setattr("reelrank.running.arguments.host", lambda: "login2")
    remember(["snakemake", "--cores", "1"], workdir / "Snakefile")
    with pytest.raises(SystemExit, match="started on login2 and may still run there"):
        resume.main([])
    assert resume.arguments_to_continue(["--dead"])[0] == ["--cores", "1"]
    assert resume.arguments_to_continue(["--dead", "-n"])[0] == ["-n"]


def test_what_resume_adds_stands_before_targets(workdir, monkeypatch, process):
    remember(["snakemake", "--cores", "1", "--", "a.txt"], workdir / "Snakefile")
    called = []
    monkeypatch.setattr(resume, "cancel_jobs", lambda: 0)
    monkeypatch.setattr(os, "execv", lambda _, words: called.append(words))
    monkeypatch.setattr(
        subprocess, "run", lambda words, **_: called.append(words) or subprocess.CompletedProcess([], 0)
    )
    resume.main([])
    arguments = ["--cores", "1", "--", "a.txt"]
    assert [words[3:] for words in called] == [["--unlock", *arguments], ["--rerun-incomplete", *arguments]]


def test_times_of_the_future_are_set_back(tmp_path):
    results = tmp_path / "results"
    results.mkdir()
    now = time.time()
    for name, when in {"past": now - 50, "first": now + 500, "second": now + 500, "last": now + 900}.items():
        (results / name).touch()
        os.utime(results / name, (when, when))
    (results / "nowhere").symlink_to(tmp_path / "nothing")
    os.utime(results, (now - 60, now - 60))
    assert resume.mend_times(tmp_path) == 3 and resume.mend_times(tmp_path) == 0
    times = {name: (results / name).stat().st_mtime for name in ("past", "first", "second", "last")}
    assert now - 1 < times["first"] == times["second"] < times["last"] <= time.time(), "what was older stays so"
    assert times["past"] == pytest.approx(now - 50)
