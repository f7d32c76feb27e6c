"""The description of a fitted fusion: ``fusion.json``."""

from reelrank.data.lists import BASE
from reelrank.rerank.signals.aligned import single_scores, valid_ndcg


def description(name, block, valid, truth, scores, found):
    """Return the description of a fitted fusion.

    Parameters
    ----------
    name : str
    block : dict
        ``type``, ``stages``, ``rung``, ``rung_of``.
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
    own = block["stages"][-1]
    alone = {signal: valid_ndcg(valid, truth, single_scores(valid, signal)) for signal in (BASE, *own["signals"])}
    ndcg = {BASE: alone.pop(BASE), "fusion": valid_ndcg(valid, truth, scores), **alone}
    return {
        "reranker": name,
        "type": block["type"],
        "rung": block["rung"],
        "rung_of": block["rung_of"],
        **own,
        **found,
        "valid_ndcg": {key: round(value, 8) for key, value in ndcg.items()},
    }
