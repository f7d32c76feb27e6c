"""GRU4Rec: a GRU over the latest items; every position predicts the next item.

Source: Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks"
(ICLR 2016).
Deviations: sessions are users' sequences, cut into windows; softmax over the catalogue
(or over sampled negatives) instead of BPR or TOP1 over session-parallel mini-batches;
input and output share the item vectors, which may read a feature (``item_input``); AdamW.
"""

import torch
from torch import nn

from reelrank.models import DotProduct, NeuralRecommender
from reelrank.training.item_vectors import ItemVectors, ReadsItemVectors, next_item_loss
from reelrank.training.samples import WindowSamples


class Module(nn.Module):
    """Item vectors shared by input and output, and a GRU."""

    def __init__(self, n_items, options, kind=None, dimension=0):
        super().__init__()
        self.n_items, self.negatives = n_items, options["negatives"]
        size = options["embedding_size"]
        self.items = ItemVectors(n_items, size, kind, dimension)
        self.gru = nn.GRU(size, size, options["layers"], batch_first=True)
        self.dropout = nn.Dropout(options["dropout"])
        self.output = nn.Linear(size, size)
        self.items.initialise(lambda weight: nn.init.normal_(weight, std=size**-0.5))

    def forward(self, history, lookup):
        """Return the output of every position.

        Parameters
        ----------
        history : torch.Tensor
            ``(batch, length)`` int64, padded with n_items on the left.
        lookup : reelrank.training.item_vectors.Lookup

        Returns
        -------
        torch.Tensor
            ``(batch, length, d)``; meaningless at padding.
        """
        length = history.shape[1]
        padding = (history == self.n_items).sum(1, keepdim=True)
        place = torch.arange(length, device=history.device)
        # The GRU must start at the first item, so padding moves to the right, and back to the left afterwards.
        shifted = history.gather(1, (place + padding) % length)
        hidden, _ = self.gru(self.dropout(lookup(shifted)))
        back = ((place - padding) % length)[..., None].expand_as(hidden)
        return self.output(self.dropout(hidden.gather(1, back)))

    def loss(self, batch):
        """Return the next-item loss of all positions of some windows."""
        return next_item_loss(self, self.items, batch, self.negatives)


class Model(ReadsItemVectors, DotProduct, NeuralRecommender):
    """GRU4Rec as a `Recommender`."""

    reads_history = True

    def build(self, dimension=0):
        """Return the module with its initial weights."""
        return Module(self.n_items, self.options, self.item_kind(dimension), dimension)

    def samples(self, data):
        """Return windows of the training sequences."""
        return WindowSamples(data, self.options["history_length"], self.device)

    def vectors(self, users, history):
        """Return the outputs at the last position, and the item vectors."""
        latest = torch.as_tensor(history.last(self.options["history_length"]), device=self.device)
        lookup = self.module.items.lookup()
        return self.module(latest, lookup)[:, -1], lookup.vectors[: self.n_items]
