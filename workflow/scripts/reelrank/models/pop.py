"""Popularity: the items with the most training interactions, the same for every user."""

import numpy as np

from reelrank.models import Recommender


class Model(Recommender):
    """Score = number of training interactions; ties go to the lower item index."""

    reads_history = False
    personalised = False

    def fit(self, data, seed, folder=None, features=None, code=""):
        """Count interactions; there are no epochs."""
        self.popularity = data.popularity().astype(np.float32)
        return []

    def score(self, users, history):
        """Return the counts, one row per user."""
        return np.repeat(self.popularity[None], len(users), axis=0)

    def arrays(self):
        """Return the counts."""
        return {"popularity": self.popularity}

    def set_arrays(self, arrays):
        """Set the counts."""
        self.popularity = arrays["popularity"]
