"""Interruptions of a run on this machine. Each ends in the bytes of an undisturbed run."""

import contextlib
import os
import signal
import subprocess

import pytest
from interrupted_run import (
    CONFIG,
    LONGEST,
    Run,
    assert_continued,
    assert_same,
    assert_whole,
    pause,
    rerun,
    resume,
    step_processes,
)
from slurm_cluster import is_alive, wait_for

#: Steps of the run, `all` left out.
STEPS = 14


@pytest.mark.parametrize("time", ["early", "late"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_snakemake_is_sent(number, time, folder, expected, moments):
    with Run(folder) as run:
        run.wait_for_steps(moments.randint(0, 4) if time == "early" else moments.randint(5, STEPS - 2))
        pause(moments)
        run.send(number, group=number == signal.SIGINT)
        assert run.finish() != 0
    assert_whole(folder, expected)
    if number == signal.SIGKILL:
        assert "--unlock" in rerun(folder).stderr, "the dead run's lock holds others off"
        process = resume(folder)
    else:
        process = rerun(folder)
    assert process.returncode == 0, process.stdout + process.stderr
    assert_same(folder, expected)


def test_a_job_is_killed(folder, expected):
    with Run(folder) as run:
        os.kill(run.wait_for_checkpoint(), signal.SIGKILL)
        assert run.finish() == 1
        assert "Error in rule train" in run.output
    assert_whole(folder, expected)
    process = rerun(folder)
    assert process.returncode == 0, process.stdout + process.stderr
    assert_continued(folder)
    assert_same(folder, expected)


def test_a_job_outlives_its_snakemake(folder, expected):
    """The orphan is stopped in its middle, and goes on writing once the next run is at work."""
    with Run(folder) as run:
        orphan = run.wait_for_checkpoint()
        os.kill(orphan, signal.SIGSTOP)
        run.send(signal.SIGKILL)
        run.finish()
        try:
            process = rerun(folder, "--unlock")
            assert process.returncode == 0, process.stderr
            with Run(folder, "--rerun-incomplete") as second:
                wait_for(lambda: len(step_processes(folder, "train")) == 2, "the step is at work again", LONGEST)
                os.kill(orphan, signal.SIGCONT)
                assert second.finish() == 0, second.output
                wait_for(lambda: not is_alive(orphan), "the orphan came to its own end", LONGEST)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(orphan, signal.SIGKILL)
    assert_same(folder, expected)


@pytest.fixture
def mounted(folder):
    """Return a function that mounts something at the results' folder; it goes at the end."""
    results = folder / "results"
    done = []

    def mount(*options):
        process = subprocess.run(["mount", *options, str(results)], capture_output=True, text=True, check=False)
        if process.returncode:
            pytest.skip(f"mounting is not allowed here: {process.stderr.strip()}")
        done.append(options)

    def unmount():
        subprocess.run(["umount", str(results)], check=True)
        done.clear()

    mount.undo = unmount
    yield mount
    if done:
        unmount()


@pytest.mark.parametrize("kilobytes", [60, 220])
def test_the_disk_is_full(kilobytes, folder, expected, mounted):
    mounted("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs")
    with Run(folder) as run:
        assert run.finish() == 1
        assert "No space left on device" in run.output
    assert_whole(folder, expected)
    mounted("-o", "remount,size=20m")
    process = rerun(folder)
    assert process.returncode == 0, process.stdout + process.stderr
    assert_same(folder, expected)


def test_the_results_go_read_only(folder, expected, mounted, moments):
    results = str(folder / "results")
    mounted("--bind", results)
    with Run(folder) as run:
        run.wait_for_steps(moments.randint(2, 5))
        mounted("-o", "remount,ro,bind", results)
        assert run.finish() == 1
        assert "Read-only file system" in run.output
    assert_whole(folder, expected)
    mounted.undo()
    process = rerun(folder)
    assert process.returncode == 0, process.stdout + process.stderr
    assert_same(folder, expected)


def test_other_parallelism(folder, expected):
    process = rerun(folder, where=("--cores", "5"))
    assert process.returncode == 0, process.stdout + process.stderr
    assert_same(folder, expected)


def test_the_clock_is_set_back(folder, expected):
    """What a run finished before carries times of tomorrow."""
    process = rerun(folder, "--until", "train")
    assert process.returncode == 0, process.stdout + process.stderr
    for path in (folder / "results").rglob("*"):
        subprocess.run(["touch", "-d", "tomorrow", path], check=True)
    process = rerun(folder)
    assert process.returncode != 0 and "has older modification time" in process.stdout + process.stderr
    process = resume(folder, "--cores", "2", *CONFIG)
    assert process.returncode == 0, process.stdout + process.stderr
    assert_same(folder, expected)
