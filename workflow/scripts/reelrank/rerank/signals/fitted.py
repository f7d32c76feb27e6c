"""The description of a fitted fusion: ``fusion.json``."""

from reelrank.data.lists import BASE
from reelrank.rerank.signals.aligned import single_scores, valid_ndcg


def description(name, block, valid, truth, scores, found):
    """Return the description of a fitted fusion.

    Parameters
    ----------
    name : str
    block : dict
        ``type``, ``signals``, ``twin_of``.
    valid : reelrank.rerank.signals.aligned.Aligned
    truth : numpy.ndarray
        ``(n,)``, result of `truth_columns` on valid.
    scores : numpy.ndarray
        ``(n, depth)`` scores of the fusion on valid.
    found : dict
        The fitted values that `fuse` returned.

    Returns
    -------
    dict
        ``valid_ndcg`` has the NDCG@10 on valid of the base list, the fusion, and each signal alone.
    """
    alone = {signal: valid_ndcg(valid, truth, single_scores(valid, signal)) for signal in valid.scores}
    ndcg = {BASE: alone.pop(BASE), "fusion": valid_ndcg(valid, truth, scores), **alone}
    return {
        "reranker": name,
        "type": block["type"],
        "signals": list(block["signals"]),
        "twin_of": block["twin_of"],
        **found,
        "valid_ndcg": {key: round(value, 8) for key, value in ndcg.items()},
    }
