"""Measure the effect of every re-ranker over every base model: intervals, tests, detectable effects."""

from reelrank import step
from reelrank.evaluation.effects import effects_table, to_csv
from reelrank.files import write_text


def main(ranks, effects, cutoffs, twins, inert, resamples):
    """Write ``effects.csv``.

    `twins` names the re-rankers that a fusion is compared to in addition to its base; `inert` names the
    re-rankers that can only return the base list.
    """
    write_text(effects, to_csv(effects_table(ranks, cutoffs, twins, inert, resamples)))


step.run(main, snakemake)
