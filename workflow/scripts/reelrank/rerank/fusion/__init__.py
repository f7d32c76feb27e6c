"""Fusions: combine a base list with the scores of other re-rankers over it.

A fusion's file defines two functions; the file name is the ``type`` in the config. ``fit`` learns on valid. ``score``
scores lists by what was learned, and nothing else: the audit calls it again with what the run has kept.
"""

import importlib


def fit(kind, valid, truth, options, stages, material):
    """Fit the type `kind` on the valid lists.

    Parameters
    ----------
    kind : str
        A file of this package: ``rrf``, ``zscore``, ``lambdamart``.
    valid : reelrank.rerank.signals.aligned.Aligned
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
    fitted : dict
        All that `score` needs, of types that JSON can hold.
    about : dict
        The description of the fit: ``weights``, ``importances``, ..., and ``gates``, the decision of each stage.
    """
    return _type(kind).fit(valid, truth, options, stages, material)


def score(kind, fitted, split, aligned, material):
    """Return the scores of lists by a fitted fusion, ``(n_users, depth)`` float32, for `RankedLists.reordered`.

    Parameters
    ----------
    kind : str
    fitted : dict
        The result of `fit`.
    split : {'valid', 'test'}
    aligned : reelrank.rerank.signals.aligned.Aligned
        The lists: all, or some of those that it was fitted over.
    material : dict
        See `fit`.
    """
    return _type(kind).score(fitted, split, aligned, material)


def _type(kind):
    return importlib.import_module(f"reelrank.rerank.fusion.{kind}")
