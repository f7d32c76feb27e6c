"""BPR: matrix factorisation that ranks a user's chosen items above the other items.

Source: Rendle et al., "BPR: Bayesian Personalized Ranking from Implicit Feedback"
(UAI 2009). Deviations: AdamW with batches instead of single-sample SGD; decoupled weight
decay instead of the Gaussian prior; an item bias; every interaction is a positive once
per epoch instead of draws with replacement.
"""

import torch
from torch import nn

from reelrank.models import DotProduct, NeuralRecommender


class PairSamples:
    """Every training interaction, with negatives that its user did not choose in training.

    A negative that is one of the user's own items is drawn again, a few times. A user who
    chose nearly everything may still get one.

    Parameters
    ----------
    data : reelrank.data.interactions.Interactions
    negatives : int
    device : torch.device
    """

    smallest_batch = 1

    #: How often draws that hit the user's own items are repeated.
    ATTEMPTS = 8

    def __init__(self, data, negatives, device):
        self.n_items = data.n_items
        pairs = data.training().matrix().tocoo()
        self.rows = torch.arange(pairs.nnz, device=device)
        self.users = torch.as_tensor(pairs.row, device=device).long()
        self.items = torch.as_tensor(pairs.col, device=device).long()
        self.owned = torch.sort(self.users * self.n_items + self.items).values
        self.negatives = torch.zeros(pairs.nnz, negatives, dtype=torch.long, device=device)

    def __len__(self):
        return len(self.rows)

    def redraw(self, generator):
        """Draw the negatives of an epoch."""
        for attempt in range(self.ATTEMPTS):
            drawn = torch.randint(self.n_items, self.negatives.shape, generator=generator).to(self.rows.device)
            again = self._is_owned(self.negatives) if attempt else torch.ones_like(drawn, dtype=torch.bool)
            self.negatives = torch.where(again, drawn, self.negatives)

    def _is_owned(self, items):
        pairs = self.users[:, None] * self.n_items + items
        place = torch.searchsorted(self.owned, pairs).clamp_max(len(self.owned) - 1)
        return self.owned[place] == pairs

    def batch(self, index):
        """Return users ``(batch,)``, positives ``(batch,)`` and negatives ``(batch, negatives)``, all int64."""
        return self.users[index], self.items[index], self.negatives[index]


class Module(nn.Module):
    """User and item embeddings, and an item bias."""

    def __init__(self, n_users, n_items, size):
        super().__init__()
        self.users = nn.Embedding(n_users, size)
        self.items = nn.Embedding(n_items, size)
        self.bias = nn.Embedding(n_items, 1)
        nn.init.normal_(self.users.weight, std=size**-0.5 / 10)
        nn.init.normal_(self.items.weight, std=size**-0.5 / 10)
        nn.init.zeros_(self.bias.weight)

    def forward(self, users, items):
        """Return the score of each user for the items of the same row.

        Parameters
        ----------
        users : torch.Tensor
            ``(batch,)`` int64.
        items : torch.Tensor
            ``(batch, n)`` int64.

        Returns
        -------
        torch.Tensor
            ``(batch, n)``.
        """
        return (self.items(items) * self.users(users)[:, None]).sum(-1) + self.bias(items)[..., 0]

    def loss(self, batch):
        """Return the mean of ``-log sigmoid(positive - negative)``."""
        users, positives, negatives = batch
        scores = self(users, torch.cat([positives[:, None], negatives], dim=1))
        return -nn.functional.logsigmoid(scores[:, :1] - scores[:, 1:]).mean()


class Model(DotProduct, NeuralRecommender):
    """BPR as a `Recommender`; it knows a user only from training."""

    reads_history = False

    def build(self, dimension=0):
        """Return the module with its initial weights."""
        return Module(self.n_users, self.n_items, self.options["embedding_size"])

    def samples(self, data):
        """Return every training interaction with new negatives."""
        return PairSamples(data, self.options["negatives"], self.device)

    def vectors(self, users, history):
        """Return the users' embeddings with a 1 appended, and the items' embeddings with their bias."""
        own = self.module
        queries = own.users(torch.as_tensor(users, device=self.device))
        items = torch.cat([own.items.weight, own.bias.weight], dim=1)
        return torch.cat([queries, torch.ones_like(queries[:, :1])], dim=1), items
