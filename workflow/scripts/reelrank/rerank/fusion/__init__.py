"""Fusions: one list from a base list and the scores of other re-rankers over it.

A fusion's file defines ``fuse``; its file name is the ``type`` in the config.
"""

import importlib


def fuse(kind, by_split, truth, options, material):
    """Fuse by the type `kind`, fitted on valid alone.

    Parameters
    ----------
    kind : str
        A file of this package: ``rrf``, ``zscore``, ``lambdamart``.
    by_split : dict of str to reelrank.rerank.signals.aligned.Aligned
        ``valid`` and ``test``.
    truth : numpy.ndarray
        ``(n_valid_users,)`` int64: column of the held-out item among the candidates of
        each valid list, -1 where it is not there.
    options : dict
        Of the config block, with the defaults filled in.
    material : dict
        What else may be read, as `reelrank.rerank.signals.context.load_sources` takes it.

    Returns
    -------
    scores : dict of str to numpy.ndarray
        ``(n_users, depth)`` float32 by split, for `RankedLists.reordered`.
    about : dict
        What was fitted: ``weights``, ``importances``, ...
    """
    return importlib.import_module(f"reelrank.rerank.fusion.{kind}").fuse(by_split, truth, options, material)
