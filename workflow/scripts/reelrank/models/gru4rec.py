"""GRU4Rec: a GRU over the latest items; every position predicts the next.

Source: Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks"
(ICLR 2016).
Deviations: a user's sequence, cut into windows, is the session; softmax over the
catalogue (or over sampled negatives) instead of BPR or TOP1 over the batch of
session-parallel mini-batches; the output shares the input's embedding; AdamW.
"""

import torch
from torch import nn

from reelrank.models import DotProduct, NeuralRecommender
from reelrank.training.samples import WindowSamples, next_item_loss


class Module(nn.Module):
    """Embeddings shared by input and output, and a GRU."""

    def __init__(self, n_items, options):
        super().__init__()
        self.n_items, self.negatives = n_items, options["negatives"]
        size = options["embedding_size"]
        self.embedding = nn.Embedding(n_items + 1, size, padding_idx=n_items)
        self.gru = nn.GRU(size, size, options["layers"], batch_first=True)
        self.dropout = nn.Dropout(options["dropout"])
        self.output = nn.Linear(size, size)
        nn.init.normal_(self.embedding.weight, std=size**-0.5)
        with torch.no_grad():
            self.embedding.weight[n_items].zero_()

    def forward(self, history):
        """Return the output of every position.

        Parameters
        ----------
        history : torch.Tensor
            ``(batch, length)`` int64, padded with n_items on the left.

        Returns
        -------
        torch.Tensor
            ``(batch, length, d)``; of no meaning where there is padding.
        """
        length = history.shape[1]
        padding = (history == self.n_items).sum(1, keepdim=True)
        place = torch.arange(length, device=history.device)
        # The GRU starts at the first item: padding goes to the right end and, after it, back to the left.
        shifted = history.gather(1, (place + padding) % length)
        hidden, _ = self.gru(self.dropout(self.embedding(shifted)))
        back = ((place - padding) % length)[..., None].expand_as(hidden)
        return self.output(self.dropout(hidden.gather(1, back)))

    def loss(self, batch):
        """Return the next-item loss of all positions of some windows."""
        history, targets = batch
        real = targets != self.n_items
        return next_item_loss(self(history)[real], targets[real], self.embedding.weight[:-1], self.negatives)


class Model(DotProduct, NeuralRecommender):
    """GRU4Rec behind the interface of all recommenders."""

    reads_history = True

    def build(self, dimension=0):
        """Return the module with its first weights."""
        return Module(self.n_items, self.options)

    def samples(self, data):
        """Windows of the training sequences."""
        return WindowSamples(data, self.options["history_length"], self.device)

    def vectors(self, users, history):
        """Return the last position's outputs and the item embeddings."""
        latest = torch.as_tensor(history.last(self.options["history_length"]), device=self.device)
        return self.module(latest)[:, -1], self.module.embedding.weight[:-1]
