"""Interleave the base lists of several base models."""

import logging

from reelrank import step
from reelrank.data.lists import read_lists, write_lists
from reelrank.data.unions import check_same_users, interleaved


def main(inputs, outputs, about, quotas):
    """Write the lists of a union, for valid and test.

    Parameters
    ----------
    inputs : dict of str to list of path
        The base lists of its parts, by split.
    outputs : dict of str to path
    about : dict
        Metadata of the lists.
    quotas : list of int
        Places of each part.
    """
    for split, path in outputs.items():
        parts = [read_lists(part)[0] for part in inputs[split]]
        check_same_users(parts, inputs[split])
        lists = interleaved(parts, quotas)
        write_lists(lists, path, {**about, "split": split})
        logging.info("%s: %d users, depth %d", split, *lists.items.shape)


step.run(main, snakemake)
