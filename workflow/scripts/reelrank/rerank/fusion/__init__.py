"""Fusions: combine a base list with the scores of other re-rankers over it.

A fusion's file defines the function ``fuse``; the file name is the ``type`` in the config.
"""

import importlib


def fuse(kind, by_split, truth, options, material):
    """Fuse with the type `kind`, fitted on the valid split only.

    Parameters
    ----------
    kind : str
        A file of this package: ``rrf``, ``zscore``, ``lambdamart``.
    by_split : dict of str to reelrank.rerank.signals.aligned.Aligned
        ``valid`` and ``test``.
    truth : numpy.ndarray
        ``(n_valid_users,)`` int64: column of the held-out item among the candidates of
        each valid list; -1 if it is not a candidate.
    options : dict
        Options of the config block, with defaults filled in.
    material : dict
        Arguments of `reelrank.rerank.signals.context.load_sources`, for fusions that read more than signals.

    Returns
    -------
    scores : dict of str to numpy.ndarray
        ``(n_users, depth)`` float32 by split, for `RankedLists.reordered`.
    about : dict
        The fitted values: ``weights``, ``importances``, ...
    """
    return importlib.import_module(f"reelrank.rerank.fusion.{kind}").fuse(by_split, truth, options, material)
