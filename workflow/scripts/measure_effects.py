"""Measure the effect of every re-ranker over every base model: intervals, tests, what could have been seen."""

from reelrank import step
from reelrank.evaluation.effects import effects_table, to_csv
from reelrank.files import write_text


def main(ranks, effects, cutoffs, twins, inert, resamples):
    """Write ``effects.csv``.

    `twins` names, for a fusion, what it is compared to beside its base; `inert` what can only return its base.
    """
    write_text(effects, to_csv(effects_table(ranks, cutoffs, twins, inert, resamples)))


step.run(main, snakemake)
