"""SASRec: causal self-attention over the latest items; every position predicts the next item.

Source: Kang & McAuley, "Self-Attentive Sequential Recommendation" (ICDM 2018).
Deviations: softmax over the catalogue (or over sampled negatives) instead of binary
cross-entropy with one negative; long sequences are cut into windows, so that training
uses every interaction, not only the latest; embeddings are not scaled; AdamW.
"""

import math

import torch
from torch import nn

from reelrank.models import DotProduct, NeuralRecommender
from reelrank.training.samples import WindowSamples, next_item_loss


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, size, heads, dropout):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(size, size) for _ in range(3))
        self.dropout = nn.Dropout(dropout)

    def forward(self, queries, sequence, allowed):
        """Return the attention output.

        Does not use `scaled_dot_product_attention`: its fused GPU kernels are not
        deterministic to the bit.

        Parameters
        ----------
        queries, sequence : torch.Tensor
            ``(batch, length, d)``; keys and values come from `sequence`.
        allowed : torch.Tensor
            ``(batch, length, length)`` bool: position i may attend to position j.

        Returns
        -------
        torch.Tensor
            ``(batch, length, d)``.
        """
        batch, length, size = sequence.shape
        split = (batch, length, self.heads, size // self.heads)
        query = self.query(queries).view(split).transpose(1, 2)  # (batch, heads, length, d / heads)
        key = self.key(sequence).view(split).permute(0, 2, 3, 1)
        value = self.value(sequence).view(split).transpose(1, 2)
        logits = (query @ key / math.sqrt(size // self.heads)).masked_fill(~allowed[:, None], -torch.inf)
        mixed = self.dropout(logits.softmax(-1)) @ value
        return mixed.transpose(1, 2).reshape(batch, length, size)


class Block(nn.Module):
    """Attention and a point-wise MLP, each with a residual connection; norms as in the paper's code."""

    def __init__(self, size, heads, dropout):
        super().__init__()
        self.attention_norm, self.mlp_norm = nn.LayerNorm(size), nn.LayerNorm(size)
        self.attention = Attention(size, heads, dropout)
        self.mlp = nn.Sequential(
            nn.Linear(size, size), nn.ReLU(), nn.Dropout(dropout), nn.Linear(size, size), nn.Dropout(dropout)
        )

    def forward(self, sequence, allowed):
        """Return ``(batch, length, d)`` from the same shape."""
        queries = self.attention_norm(sequence)
        attended = self.mlp_norm(queries + self.attention(queries, sequence, allowed))
        return attended + self.mlp(attended)


class Module(nn.Module):
    """Embeddings shared by input and output, position embeddings, blocks and a final LayerNorm."""

    def __init__(self, n_items, options):
        super().__init__()
        self.n_items, self.negatives = n_items, options["negatives"]
        self.embedding = nn.Embedding(n_items + 1, options["embedding_size"], padding_idx=n_items)
        self.positions = nn.Embedding(options["history_length"], options["embedding_size"])
        self.dropout = nn.Dropout(options["dropout"])
        self.blocks = nn.ModuleList(
            Block(options["embedding_size"], options["heads"], options["dropout"]) for _ in range(options["layers"])
        )
        self.norm = nn.LayerNorm(options["embedding_size"])
        nn.init.normal_(self.embedding.weight, std=options["embedding_size"] ** -0.5)
        nn.init.normal_(self.positions.weight, std=options["embedding_size"] ** -0.5)
        with torch.no_grad():
            self.embedding.weight[n_items].zero_()

    def forward(self, history):
        """Return the hidden state of every position.

        Parameters
        ----------
        history : torch.Tensor
            ``(batch, length)`` int64, padded with n_items on the left.

        Returns
        -------
        torch.Tensor
            ``(batch, length, d)``; meaningless at padding.
        """
        length = history.shape[1]
        real = history != self.n_items
        causal = torch.ones(length, length, dtype=torch.bool, device=history.device).tril()
        itself = torch.eye(
            length, dtype=torch.bool, device=history.device
        )  # padding attends to itself: no empty softmax
        allowed = (causal & real[:, None]) | itself  # (batch, length, length)
        hidden = self.dropout(self.embedding(history) + self.positions.weight)
        for block in self.blocks:
            hidden = block(hidden, allowed)
        return self.norm(hidden)

    def loss(self, batch):
        """Return the next-item loss of all positions of some windows."""
        history, targets = batch
        real = targets != self.n_items
        return next_item_loss(self(history)[real], targets[real], self.embedding.weight[:-1], self.negatives)


class Model(DotProduct, NeuralRecommender):
    """SASRec as a `Recommender`."""

    reads_history = True

    def build(self, dimension=0):
        """Return the module with its initial weights."""
        return Module(self.n_items, self.options)

    def samples(self, data):
        """Return windows of the training sequences."""
        return WindowSamples(data, self.options["history_length"], self.device)

    def vectors(self, users, history):
        """Return the hidden states at the last position, and the item embeddings."""
        latest = torch.as_tensor(history.last(self.options["history_length"]), device=self.device)
        return self.module(latest)[:, -1], self.module.embedding.weight[:-1]
