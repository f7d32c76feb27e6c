"""Fixes for Snakemake's SLURM executor, so that a run survives when the controller does not answer for a while."""

import logging
import subprocess
import threading

#: Seconds between two checks of the controller, and seconds after which a job is submitted anyway.
EVERY_S, AT_MOST_S = 5, 86_400

#: Methods of the plugin that submit one job, and an array of jobs.
SUBMITTING = ("run_job", "run_array_jobs")


def outlast_controller(plugin, tell=logging.warning):
    """Patch the plugin: while the controller does not answer, it keeps its settings and delays submissions.

    Parameters
    ----------
    plugin : module
        ``snakemake_executor_plugin_slurm``. A version without the patched functions is not changed.
    tell : callable
        Shows a message to the user.
    """
    keep_min_job_age(plugin)
    submit_when_it_answers(plugin, tell)


def keep_min_job_age(plugin):
    """Patch the plugin to remember the site's ``MinJobAge`` while the controller does not answer.

    At each check of its jobs the plugin (2.8.0) asks the controller how long it remembers a finished job. Without an
    answer it stops using ``squeue`` and changes to ``sacct``. On a site without accounting ``sacct`` never answers, so
    the run hangs even after the controller is back. The last known value is still valid, so it is used.
    """
    ask = getattr(plugin, "get_min_job_age", None)
    if ask is None:
        return
    known = ask()

    def get_min_job_age():
        """Return the controller's value, or its last known value."""
        nonlocal known
        answer = ask()
        known = known if answer is None else answer
        return known

    plugin.get_min_job_age = get_min_job_age


def submit_when_it_answers(plugin, tell):
    """Delay submissions until the controller answers: otherwise ``sbatch`` fails at once and uses up a job's retries.

    The plugin submits in its own threads, so nothing else waits. Ctrl-C ends the waiting; waiting jobs are then not
    submitted.
    """
    executor = getattr(plugin, "Executor", None)
    if executor is None or not {*SUBMITTING, "cancel_jobs"} <= set(vars(executor)):
        return
    cancel, stopping, announced = executor.cancel_jobs, threading.Event(), threading.Event()

    def waiting(submit):
        """Return a method that submits as soon as the controller answers."""

        def submit_later(self, jobs):
            """Tell the user, wait, then submit unless the run is cancelled."""
            waited = 0
            while not controller_answers() and waited < AT_MOST_S and not stopping.wait(EVERY_S):
                waited += EVERY_S
                if not announced.is_set():
                    announced.set()
                    tell("reelrank: SLURM's controller does not answer: jobs will be submitted when it does")
            if not stopping.is_set():
                announced.clear()
                submit(self, jobs)

        return submit_later

    def cancel_jobs(self, active_jobs):
        """Cancel the submitted jobs and submit no more."""
        stopping.set()
        cancel(self, active_jobs)

    for name in SUBMITTING:
        setattr(executor, name, waiting(getattr(executor, name)))
    executor.cancel_jobs = cancel_jobs


def controller_answers():
    """Return whether a SLURM controller answers; True if there is no ``scontrol``."""
    try:
        said = subprocess.run(["scontrol", "ping"], capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return False
    except OSError:
        return True
    return " is UP" in said.stdout
