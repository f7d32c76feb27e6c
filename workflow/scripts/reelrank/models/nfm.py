"""NFM for sequences: bi-interaction of the latest items with a candidate, then an MLP.

Source: He & Chua, "Neural Factorization Machines for Sparse Predictive Analytics"
(SIGIR 2017), in the form of the MicroLens benchmark (arXiv 2309.15379): the last
`history_length` items represent a user; in-batch negatives with popularity correction.
Deviations: a user's training items, including later ones and a second copy of the
positive, are never negatives of that user; AdamW; the popularity correction also counts
each user's first item, which is not a target.
"""

import torch
from torch import nn

from reelrank.models import NeuralRecommender
from reelrank.training.samples import PrefixSamples, in_batch_softmax_loss, log_popularity

#: Columns of one matrix product while scoring; it sets how many users' hidden layers are computed at once.
BLOCK_WIDTH = 512

#: Rows of one matrix product on a CPU: the hidden layer of a block has 4 MiB, which fits the cache.
ITEMS_PER_BLOCK = 2048


class Module(nn.Module):
    """Embeddings, BatchNorm, Linear(d, d), ReLU, Linear(d, 1)."""

    def __init__(self, n_items, size, dropout):
        super().__init__()
        self.embedding = nn.Embedding(n_items + 1, size, padding_idx=n_items)
        self.norm = nn.BatchNorm1d(size)
        self.hidden = nn.Linear(size, size)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(size, 1)
        nn.init.xavier_normal_(self.embedding.weight)
        with torch.no_grad():
            self.embedding.weight[n_items].zero_()
        self.register_buffer("log_probability", torch.zeros(n_items))

    def pool(self, history):
        """Return the sum and the bi-interaction of histories.

        Parameters
        ----------
        history : torch.Tensor
            ``(batch, length)`` int64, padded with n_items.

        Returns
        -------
        tuple of torch.Tensor
            Both ``(batch, d)``: the sum of the embeddings, and the sum of the products
            of all pairs of embeddings.
        """
        embedded = self.embedding(history)
        total = embedded.sum(1)
        return total, 0.5 * (total.square() - embedded.square().sum(1))

    def forward(self, history, candidates):
        """Return the logits of every history against every candidate.

        Parameters
        ----------
        history : torch.Tensor
            ``(batch, length)``.
        candidates : torch.Tensor
            ``(n_candidates,)``.

        Returns
        -------
        torch.Tensor
            ``(batch, n_candidates)``.
        """
        total, pairs = self.pool(history)
        crossed = pairs[:, None] + total[:, None] * self.embedding(candidates)  # (batch, n_candidates, d)
        hidden = torch.relu(self.hidden(self.norm(crossed.flatten(0, 1))))
        return self.output(self.dropout(hidden)).view(len(history), len(candidates))

    def loss(self, batch):
        """Return the in-batch softmax loss of a `reelrank.training.samples.Batch`."""
        return in_batch_softmax_loss(self(batch.history, batch.targets), batch, self.log_probability)

    def fold(self, history):
        """Return the first layer of every history, with all constants folded into it.

        A trained BatchNorm is affine, and a user's history enters linearly before the
        activation. So the first layer of a user is a constant plus one matrix,
        ``hidden.weight * (scale * total)``, applied to the item embeddings, and the
        ``(batch, n_items, d)`` tensor of `forward` is not needed.

        Returns
        -------
        weights : torch.Tensor
            ``(batch, d)`` factors of the columns of ``hidden.weight``.
        constant : torch.Tensor
            ``(batch, d)``.
        """
        total, pairs = self.pool(history)
        scale = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
        shift = self.norm.bias - self.norm.running_mean * scale
        constant = nn.functional.linear(pairs * scale + shift, self.hidden.weight, self.hidden.bias)
        return scale * total, constant

    @torch.no_grad()
    def score(self, history):
        """Return the logits of every history against the whole catalogue.

        Returns
        -------
        torch.Tensor
            ``(batch, n_items)``.
        """
        weights, constant = self.fold(history)
        items, size = self.embedding.weight[:-1], self.hidden.out_features
        # A column of ones includes the constant in the product, which saves a pass over the result.
        items = torch.cat([items, torch.ones_like(items[:, :1])], dim=1)  # (n_items, d + 1)
        on_cpu = items.device.type == "cpu"
        step = max(1, BLOCK_WIDTH // size)
        rows = ITEMS_PER_BLOCK if on_cpu else len(items)
        # On a CPU all blocks share one buffer: new memory costs as much as the product of a small layer.
        buffer = items.new_empty(min(rows, len(items)) * step * size) if on_cpu else None
        scores = items.new_empty(len(history), len(items))
        for start in range(0, len(history), step):
            users = slice(start, start + step)
            folded = torch.cat([self.hidden.weight * weights[users, None], constant[users, :, None]], dim=2)
            folded = folded.flatten(0, 1).T  # (d + 1, users * d)
            # One product for the output layers of several users: a block-diagonal matrix.
            output = torch.block_diag(*[self.output.weight] * len(constant[users]))  # (users, users * d)
            for first in range(0, len(items), rows):
                block = items[first : first + rows]
                out = buffer[: len(block) * folded.shape[1]].view(len(block), -1) if on_cpu else None
                hidden = torch.mm(block, folded, out=out).relu_()
                scores[users, first : first + rows] = (output @ hidden.T).float()
        return scores.add_(self.output.bias)

    @torch.no_grad()
    def rescore(self, history, candidates):
        """Return the logits of every history against its own candidates.

        Parameters
        ----------
        history : torch.Tensor
            ``(batch, length)``.
        candidates : torch.Tensor
            ``(batch, n_candidates)``.

        Returns
        -------
        torch.Tensor
            ``(batch, n_candidates)``.
        """
        weights, constant = self.fold(history)
        rows = []
        for user, items in enumerate(candidates):
            folded = self.hidden.weight * weights[user]
            hidden = torch.addmm(constant[user], self.embedding(items), folded.T).relu_()
            rows.append(hidden @ self.output.weight[0] + self.output.bias)
        return torch.stack(rows)


class Model(NeuralRecommender):
    """The sequence NFM as a `Recommender`."""

    reads_history = True

    def build(self, dimension=0):
        """Return the module with its initial weights."""
        options = self.options
        return Module(self.n_items, options["embedding_size"], options["dropout"])

    def prepare(self, data, features):
        """Compute the sampling probabilities from the training interactions."""
        self.module.log_probability = log_popularity(data, self.device)

    def samples(self, data):
        """Return every prefix of a training sequence with its next item."""
        return PrefixSamples(data, self.options["history_length"], self.device)

    def score(self, users, history):
        """Score all items from the latest items of each history."""
        latest = torch.as_tensor(history.last(self.options["history_length"]), device=self.device)
        return self.module.score(latest)

    def rescore(self, users, history, candidates):
        """Score some items of each user; see `reelrank.models.DotProduct.rescore`."""
        latest = torch.as_tensor(history.last(self.options["history_length"]), device=self.device)
        return self.module.rescore(latest, candidates)
