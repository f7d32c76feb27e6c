"""Fusions: combine a base list with the scores of other re-rankers over it.

A fusion's file defines the function ``fuse``; the file name is the ``type`` in the config.
"""

import importlib


def fuse(kind, by_split, truth, options, stages, material):
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
    stages : list of dict
        The columns of each rung that this one is fitted upon, from the lowest to its own: ``signals``, and
        ``similarities`` and ``words`` for a type that has these keys. A stage may only add to the one before it.
    material : dict
        ``columns``: a `reelrank.rerank.signals.columns.ColumnStore`, for fusions that read more than signals.
        ``fitted``: a dict that all fusions over the base list share, for results that they have in common.

    Returns
    -------
    scores : dict of str to numpy.ndarray
        ``(n_users, depth)`` float32 by split, for `RankedLists.reordered`.
    about : dict
        The fitted values: ``weights``, ``importances``, ..., and ``gates``, the decision of each stage.
    """
    return importlib.import_module(f"reelrank.rerank.fusion.{kind}").fuse(by_split, truth, options, stages, material)
