"""DSSM over ids: a user tower, an item tower, and the dot product of their outputs.

Source: Huang et al., "Learning Deep Structured Semantic Models for Web Search using
Clickthrough Data" (CIKM 2013), in the form of the MicroLens benchmark (arXiv
2309.15379): the towers are embeddings with an optional MLP; in-batch negatives with
popularity correction.
Deviations: a user's training items, including a second copy of the positive, are never
negatives of that user; item vectors may read a feature (``item_input``); AdamW.
"""

import torch
from torch import nn

from reelrank.models import DotProduct, NeuralRecommender
from reelrank.training.item_vectors import ItemVectors, ReadsItemVectors
from reelrank.training.samples import PrefixSamples, in_batch_softmax_loss, log_popularity


class Module(nn.Module):
    """Two towers of the same shape."""

    def __init__(self, n_users, n_items, size, layers, kind=None, dimension=0):
        super().__init__()
        self.users = nn.Embedding(n_users, size)
        self.items = ItemVectors(n_items, size, kind, dimension, padded=False)
        nn.init.xavier_normal_(self.users.weight)
        self.items.initialise(nn.init.xavier_normal_)
        self.user_tower, self.item_tower = _tower(size, layers), _tower(size, layers)
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
        return self.user_tower(self.users(users)) @ self.item_tower(self.items(items)).T

    def loss(self, batch):
        """Return the in-batch softmax loss of a `reelrank.training.samples.Batch`."""
        return in_batch_softmax_loss(self(batch.users, batch.targets), batch, self.log_probability)


def _tower(size, layers):
    parts = [(nn.Linear(size, size), nn.BatchNorm1d(size), nn.Tanh()) for _ in range(layers)]
    return nn.Sequential(*(module for part in parts for module in part))


class Model(ReadsItemVectors, DotProduct, NeuralRecommender):
    """DSSM as a `Recommender`; it knows a user only from training."""

    reads_history = False

    def build(self, dimension=0):
        """Return the module with its initial weights."""
        options = self.options
        sizes = (self.n_users, self.n_items, options["embedding_size"], options["layers"])
        return Module(*sizes, self.item_kind(dimension), dimension)

    def prepare(self, data, features):
        """Store the features, if there are any, and compute the sampling probabilities."""
        super().prepare(data, features)
        self.module.log_probability = log_popularity(data, self.device)

    def samples(self, data):
        """Return every training interaction, including a user's first."""
        return PrefixSamples(data, 0, self.device, first=True)

    def vectors(self, users, history):
        """Return the tower outputs for some users and for all items."""
        own = self.module
        return own.user_tower(own.users(torch.as_tensor(users, device=self.device))), own.item_tower(own.items.table())
