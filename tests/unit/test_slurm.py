"""A controller that is away costs no setting, no retry and no job."""

import threading
from types import SimpleNamespace

import pytest

from reelrank.running import slurm


def test_an_answer_is_kept_until_there_is_another():
    answers = iter([300, None, None, 600, None])
    plugin = SimpleNamespace(get_min_job_age=lambda: next(answers))
    slurm.keep_min_job_age(plugin)
    assert [plugin.get_min_job_age() for _ in range(4)] == [300, 300, 600, 600]


def test_the_pinned_plugin_has_these_names_and_calls_them():
    import snakemake_executor_plugin_slurm as plugin

    assert callable(plugin.get_min_job_age)
    assert "get_min_job_age" in plugin.Executor.check_active_jobs.__code__.co_names
    assert {*slurm.SUBMITTING, "cancel_jobs"} <= set(vars(plugin.Executor))
    assert "run_job" in plugin.Executor._submit_job.__code__.co_names
    assert "run_array_jobs" in plugin.Executor._submit_array_jobs.__code__.co_names


def test_a_plugin_without_them_is_left_alone():
    plugin = SimpleNamespace()
    slurm.outlast_controller(plugin)
    assert vars(plugin) == {}


@pytest.fixture
def plugin(monkeypatch):
    """Return a plugin that notes what is done, on a cluster whose controller is up if `up` says so."""

    class Executor:
        def __init__(self):
            self.done = []

        def run_job(self, job):
            """Note that a job was submitted."""
            self.done.append(job)

        def run_array_jobs(self, jobs):
            """Note that jobs were submitted together."""
            self.done += jobs

        def cancel_jobs(self, active_jobs):
            """Note that jobs were cancelled."""
            self.done.append(f"cancelled {active_jobs}")

    found = SimpleNamespace(Executor=Executor, up=[], asked=threading.Event(), told=[])

    def controller_answers():
        """Take the next answer; the last one stays."""
        found.asked.set()
        return found.up.pop(0) if len(found.up) > 1 else found.up[0]

    monkeypatch.setattr(slurm, "controller_answers", controller_answers)
    monkeypatch.setattr(slurm, "EVERY_S", 0.01)
    slurm.submit_when_it_answers(found, found.told.append)
    return found


def test_jobs_wait_for_the_controller_and_the_user_hears_of_it_once(plugin):
    plugin.up += [True, False, False, False, True, True, False, True]
    executor = plugin.Executor()
    for job in range(3):
        executor.run_job(job)
    executor.run_array_jobs([3])
    assert executor.done == [0, 1, 2, 3] and plugin.up == [True]
    assert len(plugin.told) == 2, "once each time that it was away"
    assert all("does not answer" in line for line in plugin.told)


def test_nobody_waits_for_ever(plugin, monkeypatch):
    monkeypatch.setattr(slurm, "AT_MOST_S", 0.03)
    plugin.up += [False]
    executor = plugin.Executor()
    executor.run_job("a")
    assert executor.done == ["a"]


def test_what_waits_is_not_submitted_once_the_run_is_cancelled(plugin, monkeypatch):
    monkeypatch.setattr(slurm, "EVERY_S", 60)
    plugin.up += [False]
    executor = plugin.Executor()
    waiting = threading.Thread(target=executor.run_job, args=("a",))
    waiting.start()
    assert plugin.asked.wait(10)
    executor.cancel_jobs(["b"])
    waiting.join(10)
    assert not waiting.is_alive() and executor.done == ["cancelled ['b']"]


@pytest.mark.parametrize(
    ("program", "up"),
    [
        ("echo 'Slurmctld(primary) at a is DOWN'; echo 'Slurmctld(backup) at b is UP'", True),
        ("echo 'Slurmctld(primary) at a is DOWN'; exit 1", False),
        ("echo 'scontrol: fatal: no configuration' >&2; exit 1", False),
        (None, True),
    ],
)
def test_the_controller_is_asked(tmp_path, monkeypatch, program, up):
    if program:
        (tmp_path / "scontrol").write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / "scontrol").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin" if program else str(tmp_path))
    assert slurm.controller_answers() is up
