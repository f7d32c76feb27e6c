"""A seeded shuffle: the control that every other re-ranker must beat."""

from zlib import crc32

import numpy as np

from reelrank import rerank
from reelrank.data.tables import SPLITS


class Reranker(rerank.Reranker):
    """Uniform scores, drawn per user, so that no user's order depends on the others.

    Each base model and training seed gets its own shuffle; otherwise their rows would share one draw.
    """

    def begin(self, split, lists):
        """Set the seeds of this split's draws."""
        about = self.material.about
        base = crc32(about["base_model"].encode())
        self.entropy = [self.options["seed"], SPLITS.index(split), about["seed"], base]

    def scores(self, lists, histories):
        """Return random scores, ``(n_users, depth)`` float32 in [0, 1)."""
        scores = np.empty(lists.items.shape, np.float32)
        for row, user in enumerate(lists.users):
            rng = np.random.default_rng([*self.entropy, int(user)])
            scores[row] = rng.random(scores.shape[1], np.float32)
        return scores
