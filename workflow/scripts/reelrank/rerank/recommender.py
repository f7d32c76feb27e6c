"""Rank candidates by the scores of another base model, trained with the same seed as the base list's."""

import numpy as np
import torch

from reelrank import rerank
from reelrank.training.topk import users_per_chunk


class Reranker(rerank.Reranker):
    """Scores are those of the base model, for the users of the lists and their histories.

    A model with ``rescore`` scores the candidates alone. Any other scores the whole catalogue for a chunk of users, and
    the scores of the candidates are kept.
    """

    def __init__(self, options, material):
        super().__init__(options, material)
        self.users_together = users_per_chunk(material.data.n_items)

    def scores(self, lists, histories):
        """Return the scores of the base model, ``(n_users, depth)`` float32."""
        model, candidates = self.material.base_model, np.maximum(lists.items, 0).astype(np.int64)
        with torch.no_grad():
            if hasattr(model, "rescore"):
                scores = model.rescore(lists.users, histories, torch.as_tensor(candidates, device=model.device))
                scores = scores.float().cpu().numpy()
            else:
                whole = torch.as_tensor(model.score(lists.users, histories)).float().cpu().numpy()
                scores = np.take_along_axis(whole, candidates, axis=1)
        return np.where(lists.present, scores, 0).astype(np.float32)
