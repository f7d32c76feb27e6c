"""Plot the figures of a run for one protocol."""

from reelrank import step
from reelrank.report.benchmarks import read_benchmarks
from reelrank.report.data_figures import plot_data, plot_training
from reelrank.report.effect_figures import (
    plot_effects,
    plot_gain_against_cost,
    plot_ladder,
    plot_rank_movement,
    plot_slices,
    shown_bases,
    shown_rerankers,
)
from reelrank.report.figures import plot_hit_rate
from reelrank.report.hit_rates import hit_rate_table
from reelrank.report.inputs import read_run


def main(inputs, outputs, settings):
    """Write the figures (`outputs` by name, SVG).

    Parameters
    ----------
    inputs : dict of str to path or list of path
        See `reelrank.report.inputs.read_run`.
    outputs : dict of str to path
    settings : dict
        ``config`` (completed), ``protocol``, ``benchmarks`` (folder of the dataset's benchmark files).
    """
    run = read_run(inputs, settings)
    bases, rerankers = shown_bases(run), shown_rerankers(run)
    shown = [
        path
        for (split, base, _, name), path in zip(run.ranks, inputs["ranks"], strict=True)
        if split == "test" and base in bases and name in rerankers
    ]
    curves = hit_rate_table(shown, range(1, max(run.config["cutoffs"]) + 1))
    if run.pooled == "all":  # one panel per base model; the tables have all seeds
        curves = curves[curves["seed"] == str(run.config["run"]["seeds"][0])]
    plot_hit_rate(run.in_order(curves), outputs["hit_rate"], run.title)
    plot_effects(run, outputs["effects"])
    plot_ladder(run, outputs["ladder"])
    plot_rank_movement(run, outputs["rank_movement"])
    jobs = read_benchmarks(settings["benchmarks"], run.protocol)
    plot_gain_against_cost(run, jobs, outputs["gain_against_cost"])
    plot_slices(run, outputs["slices"])
    plot_training(run, outputs["training"])
    plot_data(run, outputs["data"])


step.run(main, snakemake)
