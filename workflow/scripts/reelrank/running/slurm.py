"""What Snakemake's executor for SLURM needs to outlast a controller that is away."""

import logging
import subprocess
import threading

#: Seconds between two questions whether the controller is back, and after which a job is submitted all the same.
EVERY_S, AT_MOST_S = 5, 86_400

#: The plugin's methods that submit one job, and an array of jobs.
SUBMITTING = ("run_job", "run_array_jobs")


def outlast_controller(plugin, tell=logging.warning):
    """Let the plugin keep what it knows, and wait with what it submits, while the controller does not answer.

    Parameters
    ----------
    plugin : module
        ``snakemake_executor_plugin_slurm``. Its names are replaced; one without them is left alone.
    tell : callable
        Takes a message to the user.
    """
    keep_min_job_age(plugin)
    submit_when_it_answers(plugin, tell)


def keep_min_job_age(plugin):
    """Let the plugin remember the site's ``MinJobAge`` while the controller does not answer.

    At each look at its jobs the plugin (2.8.0) asks the controller how long it remembers a finished one. Without an
    answer it distrusts ``squeue``, changes to ``sacct``, and where the site keeps no accounts that never answers: the
    run hangs although the controller is back. But a controller that is away has not changed its settings.
    """
    ask = getattr(plugin, "get_min_job_age", None)
    if ask is None:
        return
    known = ask()

    def get_min_job_age():
        """Return what the controller says, or said last."""
        nonlocal known
        answer = ask()
        known = known if answer is None else answer
        return known

    plugin.get_min_job_age = get_min_job_age


def submit_when_it_answers(plugin, tell):
    """Let submissions wait for the controller: ``sbatch`` without it fails at once, and with it all of a job's retries.

    The plugin submits in threads of its own, so nothing else waits. Ctrl-C ends the waiting: what was not submitted
    by then is not.
    """
    executor = getattr(plugin, "Executor", None)
    if executor is None or not {*SUBMITTING, "cancel_jobs"} <= set(vars(executor)):
        return
    cancel, stopping, told = executor.cancel_jobs, threading.Event(), threading.Event()

    def waiting(submit):
        """Return a method that submits as soon as the controller answers."""

        def submit_later(self, jobs):
            """Wait, and say so; then submit, unless the run is cancelled."""
            waited = 0
            while not controller_answers() and waited < AT_MOST_S and not stopping.wait(EVERY_S):
                waited += EVERY_S
                if not told.is_set():
                    told.set()
                    tell("reelrank: SLURM's controller does not answer: jobs are submitted when it does")
            if not stopping.is_set():
                told.clear()
                submit(self, jobs)

        return submit_later

    def cancel_jobs(self, active_jobs):
        """Cancel what was submitted, and submit no more."""
        stopping.set()
        cancel(self, active_jobs)

    for name in SUBMITTING:
        setattr(executor, name, waiting(getattr(executor, name)))
    executor.cancel_jobs = cancel_jobs


def controller_answers():
    """Tell whether a SLURM controller is up; where there is no ``scontrol`` to ask, it is taken to be."""
    try:
        said = subprocess.run(["scontrol", "ping"], capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return False
    except OSError:
        return True
    return " is UP" in said.stdout
