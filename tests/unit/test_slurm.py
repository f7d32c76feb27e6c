"""The controller's settings are remembered while it is away."""

from types import SimpleNamespace

from reelrank.slurm import keep_min_job_age


def test_an_answer_is_kept_until_there_is_another():
    answers = iter([300, None, None, 600, None])
    plugin = SimpleNamespace(get_min_job_age=lambda: next(answers))
    keep_min_job_age(plugin)
    assert [plugin.get_min_job_age() for _ in range(4)] == [300, 300, 600, 600]


def test_the_pinned_plugin_asks_by_that_name():
    import snakemake_executor_plugin_slurm as plugin

    assert callable(plugin.get_min_job_age)
    assert "get_min_job_age" in plugin.Executor.check_active_jobs.__code__.co_names


def test_a_plugin_without_it_is_left_alone():
    plugin = SimpleNamespace()
    keep_min_job_age(plugin)
    assert vars(plugin) == {}
