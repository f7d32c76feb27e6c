"""Measure the effect of every re-ranker over every base model: intervals, tests, what could have been seen."""

from typing import TYPE_CHECKING

from reelrank import step
from reelrank.evaluation.effects import effects_table, to_csv
from reelrank.files import write_text

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(rank_paths, effects_path, cutoffs, twins, inert, resamples):
    """Write ``effects.csv``.

    `twins` names, for a fusion, what it is compared to beside its base; `inert` what can only return its base.
    """
    write_text(effects_path, to_csv(effects_table(rank_paths, cutoffs, twins, inert, resamples)))


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        snakemake.input.ranks,
        snakemake.output.effects,
        snakemake.params.cutoffs,
        snakemake.params.twins,
        snakemake.params.inert,
        snakemake.params.resamples,
    )
