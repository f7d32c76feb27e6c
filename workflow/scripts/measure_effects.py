"""Measure each list against its base list, and each rung of the ladder against those below."""

from reelrank import step
from reelrank.evaluation.effects import effects_table, read_all_ranks, to_csv
from reelrank.evaluation.ladder import ladder_table
from reelrank.files import write_text


def main(ranks, effects, ladder, cutoffs, comparisons, contenders, primary, inert, resamples):
    """Write ``effects.csv`` and ``ladder.csv``.

    Parameters
    ----------
    ranks : list of path
    effects, ladder : path
    cutoffs : list of int
    comparisons, contenders : list of dict
        See `reelrank.evaluation.ladder.ladder_table`.
    primary : dict of str to list of str or None
        The same.
    inert : list of str
        Re-rankers that can only return the base list.
    resamples : int
    """
    lists = read_all_ranks(ranks)
    write_text(effects, to_csv(effects_table(lists, cutoffs, inert, resamples)))
    write_text(ladder, to_csv(ladder_table(lists, comparisons, contenders, cutoffs, resamples, primary)))


step.run(main, snakemake)
