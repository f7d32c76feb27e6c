"""Interruptions of a run on a cluster. Each ends in the bytes of an undisturbed run on one machine."""

import os
import signal
import subprocess
import time

import pytest
from interrupted_run import LONGEST, Run, assert_continued, assert_same, assert_whole, pause, rerun, resume
from slurm_cluster import wait_for
from snakemake_run import ON_SLURM

#: Steps before the group of the tables, whose own are done at a time.
STEPS = 7

#: As the profile has it; other drills want to see the failure.
RETRIES = ("--retries", "2")


def running(cluster, rule):
    """Return the SLURM ids of a rule's jobs that are at work."""
    return [job for job, state, comment in cluster.jobs("RUNNING") if f"rule_{rule}" in comment]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_snakemake_is_sent(number, folder, cluster, expected, moments):
    with Run(folder, where=ON_SLURM) as run:
        run.wait_for_steps(moments.randint(0, STEPS))
        wait_for(lambda: cluster.jobs("RUNNING"), "a job is at work", LONGEST)
        pause(moments, 3)
        run.send(number)
        assert run.finish() != 0
        if number == signal.SIGKILL:
            assert cluster.jobs(), "the dead run's jobs go on"
            process = resume(folder)
            assert "1 SLURM jobs cancelled" in process.stdout
        else:
            assert not cluster.jobs("PENDING,RUNNING")
            assert_whole(folder, expected)
            process = rerun(folder, where=ON_SLURM)
    assert process.returncode == 0, process.stdout + process.stderr
    assert_same(folder, expected)


def test_jobs_outlive_their_snakemake(folder, cluster, expected):
    """Nobody cancels them: they and those of the next run write the same files."""
    with Run(folder, where=ON_SLURM) as run:
        run.wait_for_checkpoint()
        run.send(signal.SIGKILL)
        run.finish()
    assert running(cluster, "train"), "the dead run's jobs go on"
    for arguments in (["--unlock"], []):
        process = rerun(folder, *arguments, where=ON_SLURM)
        assert process.returncode == 0, process.stdout + process.stderr
    wait_for(lambda: not cluster.jobs(), "the orphans are over", LONGEST)
    assert_same(folder, expected)


def test_a_step_is_killed_on_its_node_and_tried_again(folder, cluster, expected):
    with Run(folder, *RETRIES, where=ON_SLURM) as run:
        os.kill(run.wait_for_checkpoint(), signal.SIGKILL)
        assert run.finish() == 0, run.output
        assert "Trying to restart" in run.output
    assert_continued(folder)
    assert_same(folder, expected)


def test_a_job_is_cancelled_and_tried_again(folder, cluster, expected):
    with Run(folder, *RETRIES, where=ON_SLURM) as run:
        wait_for(lambda: running(cluster, "train"), "the job is at work", LONGEST)
        subprocess.run(["scancel", *running(cluster, "train")], check=True)
        assert run.finish() == 0, run.output
        assert "CANCELLED" in run.output
    assert_same(folder, expected)


def test_a_job_past_its_time_gets_more(folder, cluster, expected):
    more = ("--set-resources", "train:runtime=1 if attempt == 1 else 30")
    with Run(folder, *RETRIES, *more, where=ON_SLURM) as run:
        os.kill(run.wait_for_step("train"), signal.SIGSTOP)  # it would hang for ever
        assert run.finish() == 0, run.output
        assert "TIMEOUT" in run.output
    assert_same(folder, expected)


def test_a_job_past_its_memory_gets_more(folder, cluster, expected):
    more = ("--set-resources", "train:mem_mb=200 if attempt == 1 else 4000")
    with Run(folder, *RETRIES, *more, where=ON_SLURM) as run:
        assert run.finish() == 0, run.output
        assert "Trying to restart" in run.output
    logs = sorted((folder / ".snakemake/slurm_logs/rule_train").rglob("*.log"), key=lambda path: int(path.stem))
    assert "exceeded memory limit" in logs[0].read_text()
    assert_same(folder, expected)


def test_the_controller_is_away(folder, cluster, expected):
    with Run(folder, *RETRIES, where=ON_SLURM) as run:
        run.wait_for_step("train")
        cluster.stop_controller()
        time.sleep(20)
        cluster.start_controller()
        assert run.finish() == 0, run.output
    assert_same(folder, expected)


def test_the_controller_is_away_when_jobs_are_submitted(folder, cluster, expected):
    """No job may be tried again: none is submitted before the controller answers."""
    cluster.stop_controller()
    with Run(folder, where=ON_SLURM) as run:
        try:
            wait_for(lambda: "controller does not answer" in run.output, "jobs wait for the controller", LONGEST)
            time.sleep(10)
        finally:
            cluster.start_controller()
        assert run.finish() == 0, run.output
    assert_same(folder, expected)


def test_other_parallelism(folder, cluster, expected):
    process = rerun(folder, "--jobs", "1", where=ON_SLURM)
    assert process.returncode == 0, process.stdout + process.stderr
    assert_same(folder, expected)
