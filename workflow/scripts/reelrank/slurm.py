"""What Snakemake's executor for SLURM needs to outlast a controller that is away."""


def keep_min_job_age(plugin):
    """Let the plugin remember the site's ``MinJobAge`` while the controller does not answer.

    At each look at its jobs the plugin (2.8.0) asks the controller how long it remembers a finished one. Without an
    answer it distrusts ``squeue``, changes to ``sacct``, and where the site keeps no accounts that never answers: the
    run hangs although the controller is back. But a controller that is away has not changed its settings.

    Parameters
    ----------
    plugin : module
        ``snakemake_executor_plugin_slurm``. Its name for the function is replaced; one without it is left alone.
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
