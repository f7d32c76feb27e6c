"""GRU4Rec: a GRU over the latest items; every position predicts the next.

Source: Hidasi et al., "Session-based Recommendations with Recurrent Neural Networks"
(ICLR 2016).
Deviations: a user's sequence, cut into windows, is the session; softmax over the
catalogue (or over sampled negatives) instead of BPR or TOP1 over the batch of
session-parallel mini-batches; the output shares the input's embedding; AdamW.
"""

from dataclasses import dataclass

import torch
from torch import nn

from reelrank.models import DotProduct, NeuralRecommender
from reelrank.training.loop import TrainingOptions
from reelrank.training.samples import WindowSamples, next_item_loss


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(TrainingOptions):
    """Hyper-parameters beside those of training.

    Attributes
    ----------
    embedding_size : int
        Of the items, and hidden units of each layer.
    layers : int
    history_length : int
        Positions of a sequence.
    dropout : float
        Of the embedded items and of the hidden state.
    negatives : int
        0: softmax over the catalogue; otherwise over that many sampled items.
    """

    embedding_size: int = 64
    layers: int = 1
    history_length: int = 50
    dropout: float = 0.2
    negatives: int = 0
    batch_size: int = 128
    learning_rate: float = 1e-3


class Module(nn.Module):
    """Embeddings shared by input and output, and a GRU."""

    def __init__(self, n_items, own):
        super().__init__()
        self.n_items, self.negatives = n_items, own.negatives
        size = own.embedding_size
        self.embedding = nn.Embedding(n_items + 1, size, padding_idx=n_items)
        self.gru = nn.GRU(size, size, own.layers, batch_first=True)
        self.dropout = nn.Dropout(own.dropout)
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

    Hyperparameters = Hyperparameters
    reads_history = True

    def build(self, dimension=0):
        """Return the module with its first weights."""
        return Module(self.n_items, self.hyperparameters)

    def samples(self, data):
        """Windows of the training sequences."""
        return WindowSamples(data, self.hyperparameters.history_length, self.device)

    def vectors(self, users, history):
        """Return the last position's outputs and the item embeddings."""
        latest = torch.as_tensor(history.last(self.hyperparameters.history_length), device=self.device)
        return self.module(latest)[:, -1], self.module.embedding.weight[:-1]
