"""Write the primary test of a protocol, before test lists are scored."""

import logging

from reelrank import digests, step
from reelrank.files import write_json
from reelrank.metrics.ranking import nearest_cutoff


def main(test_plan, primary, cutoffs):
    """Write ``plan.json`` with a digest, which the ranks of each list keep.

    Parameters
    ----------
    test_plan : path
    primary : dict
        See `reelrank.config.comparisons.primary_test`.
    cutoffs : list of int
    """
    plan = {**primary, "n": nearest_cutoff(cutoffs)}
    write_json(test_plan, {**plan, "digest": digests.digest(plan)})
    logging.info("%s", plan)


step.run(main, snakemake)
