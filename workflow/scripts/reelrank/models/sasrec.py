"""SASRec: causal self-attention over the latest items; every position predicts the next item.

Source: Kang & McAuley, "Self-Attentive Sequential Recommendation" (ICDM 2018).
Deviations: softmax over the catalogue (or over sampled negatives) instead of binary
cross-entropy with one negative; long sequences are cut into windows, so that training
uses every interaction, not only the latest; embeddings are not scaled; AdamW. Item
vectors may read a feature (``item_input``).
"""

import math

import torch
from torch import nn

from reelrank.models import DotProduct, NeuralRecommender
from reelrank.training.item_vectors import ItemVectors, ReadsItemVectors, next_item_loss
from reelrank.training.samples import WindowSamples


class Positions:
    """The positions of padded sequences that hold an item. Only they are computed, except in attention.

    Parameters
    ----------
    real : torch.Tensor
        ``(batch, length)`` bool.

    Attributes
    ----------
    rows : torch.Tensor
        ``(n,)`` indices into the flattened positions, batch first.
    allowed : torch.Tensor
        ``(batch, length, length)`` bool: position i may attend to position j.
    """

    def __init__(self, real):
        self.shape = real.shape
        self.rows = torch.nonzero(real.flatten())[:, 0]
        causal = torch.ones(real.shape[1], real.shape[1], dtype=torch.bool, device=real.device).tril()
        itself = torch.eye(real.shape[1], dtype=torch.bool, device=real.device)  # padding too: no empty softmax
        self.allowed = (causal & real[:, None]) | itself

    def padded(self, values):
        """Return ``(batch, length, d)`` from ``(n, d)``, with zeros at padding."""
        everywhere = values.new_zeros(self.shape.numel(), values.shape[1])
        return everywhere.index_copy(0, self.rows, values).view(*self.shape, -1)

    def packed(self, padded):
        """Return ``(n, d)`` from ``(batch, length, d)``."""
        return padded.flatten(0, 1)[self.rows]


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, size, heads, dropout):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(size, size) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries, sequence, positions):
        """Return the attention output.

        Does not use `scaled_dot_product_attention`: its fused GPU kernels are not
        deterministic to the bit.

        Parameters
        ----------
        queries, sequence : torch.Tensor
            ``(n, d)``; keys and values come from `sequence`.
        positions : Positions

        Returns
        -------
        torch.Tensor
            ``(n, d)``.
        """
        size = sequence.shape[1]
        split = (*positions.shape, self.heads, size // self.heads)
        query = positions.padded(self.query(queries)).view(split).transpose(1, 2)  # (batch, heads, length, d / heads)
        key = positions.padded(self.key(sequence)).view(split).permute(0, 2, 3, 1)
        value = positions.padded(self.value(sequence)).view(split).transpose(1, 2)
        logits = (query @ key / math.sqrt(size // self.heads)).masked_fill(~positions.allowed[:, None], -torch.inf)
        mixed = self.dropout(logits.softmax(-1)) @ value
        return positions.packed(mixed.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and a point-wise MLP, each with a residual connection; norms as in the paper's code."""

    def __init__(self, size, heads, dropout):
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = Attention(size, heads, dropout)
        self.mlp = nn.Sequential(
            nn.Linear(size, size), nn.ReLU(), nn.Dropout(dropout), nn.Linear(size, size), nn.Dropout(dropout)
        )

    def forward(self, sequence, positions):
        """Return ``(n, d)`` from the same shape."""
        queries = self.attention_norm(sequence)
        attended = self.mlp_norm(queries + self.attention(queries, sequence, positions))
        return attended + self.mlp(attended)


class Module(nn.Module):
    """Item vectors shared by input and output, position embeddings, blocks and a final LayerNorm."""

    def __init__(self, n_items, options, kind=None, dimension=0):
        super().__init__()
        size, std = options["embedding_size"], options["embedding_size"] ** -0.5
        self.n_items, self.negatives = n_items, options["negatives"]
        self.items = ItemVectors(n_items, size, kind, dimension)
        self.positions = nn.Embedding(options["history_length"], size)
        self.dropout = nn.Dropout(options["dropout"])
        self.blocks = nn.ModuleList(Block(size, options["heads"], options["dropout"]) for _ in range(options["layers"]))
        self.norm = nn.LayerNorm(size)
        self.items.initialise(lambda weight: nn.init.normal_(weight, std=std))
        nn.init.normal_(self.positions.weight, std=std)

    def forward(self, history, lookup):
        """Return the hidden state of every position.

        Parameters
        ----------
        history : torch.Tensor
            ``(batch, length)`` int64, padded with n_items on the left; at most ``history_length`` positions.
        lookup : reelrank.training.item_vectors.Lookup

        Returns
        -------
        torch.Tensor
            ``(batch, length, d)``; zero at padding, except in the last position.
        """
        real = history != self.n_items
        real[:, -1] = True  # a user without a history has a state too
        positions = Positions(real)
        place = positions.rows % history.shape[1] + self.positions.num_embeddings - history.shape[1]
        hidden = self.dropout(lookup(history.flatten()[positions.rows]) + self.positions(place))
        for block in self.blocks:
            hidden = block(hidden, positions)
        return positions.padded(self.norm(hidden))

    def loss(self, batch):
        """Return the next-item loss of all positions of some windows."""
        return next_item_loss(self, self.items, batch, self.negatives)


class Model(ReadsItemVectors, DotProduct, NeuralRecommender):
    """SASRec as a `Recommender`."""

    reads_history = True

    def build(self, dimension=0):
        """Return the module with its initial weights."""
        return Module(self.n_items, self.options, self.item_kind(dimension), dimension)

    def samples(self, data):
        """Return windows of the training sequences."""
        return WindowSamples(data, self.options["history_length"], self.device)

    def vectors(self, users, history):
        """Return the hidden states at the last position, and the item vectors."""
        latest = torch.as_tensor(history.last(self.options["history_length"]), device=self.device)
        lookup = self.module.items.lookup()
        return self.module(latest, lookup)[:, -1], lookup.vectors[: self.n_items]
