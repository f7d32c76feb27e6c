"""DSSM over ids and frozen item features, with a bias computed from the features.

Source: the VIDRec form of the MicroLens benchmark (arXiv 2309.15379), after He &
McAuley, "VBPR: Visual Bayesian Personalized Ranking from Implicit Feedback" (AAAI
2016): half of the dimensions are id embeddings, half a projection of the item's feature;
in-batch negatives with popularity correction.
Deviations: any item feature can be used, not only video features; no user bias and no
item-id bias; a user's training items, including a second copy of the positive, are never
negatives of that user; AdamW.
"""

import torch
from torch import nn

from reelrank.models import DotProduct, NeuralRecommender
from reelrank.training.samples import PrefixSamples, in_batch_softmax_loss, log_popularity


class Module(nn.Module):
    """Id embeddings, user embeddings for features, and a projection and a bias of the frozen features."""

    def __init__(self, n_users, n_items, size, dimension):
        super().__init__()
        self.users = nn.Embedding(n_users, size)
        self.items = nn.Embedding(n_items, size - size // 2)
        self.projection = nn.Linear(dimension, size // 2, bias=False)
        self.bias = nn.Linear(dimension, 1, bias=False)
        nn.init.xavier_normal_(self.users.weight)
        nn.init.xavier_normal_(self.items.weight)
        nn.init.xavier_normal_(self.projection.weight)
        nn.init.zeros_(self.bias.weight)
        self.register_buffer("features", torch.zeros(n_items, dimension))
        self.register_buffer("log_probability", torch.zeros(n_items))

    def forward(self, users, items):
        """Return the logits of every user against every item.

        Parameters
        ----------
        users : torch.Tensor
            ``(batch,)`` int64.
        items : torch.Tensor
            ``(n_candidates,)`` int64.

        Returns
        -------
        torch.Tensor
            ``(batch, n_candidates)``.
        """
        candidates, bias = self.item_vectors(items)
        return self.users(users) @ candidates.T + bias.T

    def item_vectors(self, items):
        """Return ids joined with projected features, ``(n_candidates, d)``, and biases, ``(n_candidates, 1)``."""
        features = self.features[items]
        return torch.cat([self.items(items), self.projection(features)], dim=1), self.bias(features)

    def loss(self, batch):
        """Return the in-batch softmax loss of a `reelrank.training.samples.Batch`."""
        return in_batch_softmax_loss(self(batch.users, batch.targets), batch, self.log_probability)


class Model(DotProduct, NeuralRecommender):
    """DSSM with item features as a `Recommender`; it knows a user only from training."""

    reads_history = False

    def prepare(self, data, features):
        """Store the features and compute the sampling probabilities."""
        self.module.features = torch.tensor(features, dtype=torch.float32, device=self.device)
        self.module.log_probability = log_popularity(data, self.device)

    def build(self, dimension=0):
        """Return the module with its initial weights, for features of the given dimension."""
        return Module(self.n_users, self.n_items, self.options["embedding_size"], dimension)

    def parameter_groups(self):
        """Return parameter groups in which the projection has its own learning rate."""
        projection = self.module.projection.weight
        others = [weight for weight in self.module.parameters() if weight is not projection]
        rate = self.options["projection_learning_rate"]
        return [{"params": others}, {"params": [projection], "lr": rate}]

    def samples(self, data):
        """Return every training interaction, including a user's first."""
        return PrefixSamples(data, 0, self.device, first=True)

    def vectors(self, users, history):
        """Return the users' embeddings with a 1 appended, and the items' vectors with their bias."""
        queries = self.module.users(torch.as_tensor(users, device=self.device))
        items, bias = self.module.item_vectors(torch.arange(self.n_items, device=self.device))
        return torch.cat([queries, torch.ones_like(queries[:, :1])], dim=1), torch.cat([items, bias], dim=1)
