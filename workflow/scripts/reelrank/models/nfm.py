"""NFM in its sequence form: bi-interaction of the latest items with a candidate, then an MLP.

Source: He & Chua, "Neural Factorization Machines for Sparse Predictive Analytics"
(SIGIR 2017), in the form of the MicroLens benchmark (arXiv 2309.15379): a user is the
last `history_length` items; in-batch negatives with popularity correction.
Deviations: a second copy of the positive within a batch is no negative.
"""

from dataclasses import dataclass

import torch
from torch import nn

from reelrank.models import NeuralRecommender
from reelrank.sampling import PrefixSamples, in_batch_softmax_loss, log_popularity
from reelrank.training import TrainingOptions

#: Floats that the hidden layer may hold while scoring: 16 MiB stays near the cache.
HIDDEN_FLOATS = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(TrainingOptions):
    """Hyper-parameters beside those of training; the defaults are those published for MicroLens."""

    embedding_size: int = 1024
    history_length: int = 10
    dropout: float = 0.0


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
        """Return sum and bi-interaction of histories.

        Parameters
        ----------
        history : torch.Tensor
            ``(batch, length)`` int64, padded with n_items.

        Returns
        -------
        tuple of torch.Tensor
            Both ``(batch, d)``: the sum of the embeddings, and the sum of the products
            of all pairs.
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
        """Return the in-batch softmax loss of a `reelrank.sampling.Batch`."""
        return in_batch_softmax_loss(self(batch.history, batch.targets), batch, self.log_probability)

    @torch.no_grad()
    def score(self, history):
        """Return the logits of every history against the whole catalogue, with what is constant folded.

        BatchNorm is affine once trained, and a user's history enters linearly before
        the activation, so that the first layer becomes, per user, one matrix
        ``hidden.weight * (scale * total)`` applied to the item embeddings: the
        ``(batch, n_items, d)`` tensor of `forward` is never made.

        Returns
        -------
        torch.Tensor
            ``(batch, n_items)``.
        """
        total, pairs = self.pool(history)
        scale = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
        shift = self.norm.bias - self.norm.running_mean * scale
        constant = nn.functional.linear(pairs * scale + shift, self.hidden.weight, self.hidden.bias)
        items = self.embedding.weight[:-1]
        size = self.hidden.out_features
        step = max(1, HIDDEN_FLOATS // (len(items) * size))
        scores = []
        for rows in torch.arange(len(history), device=history.device).split(step):
            folded = self.hidden.weight * (scale * total[rows])[:, None]  # (rows, d_out, d)
            hidden = torch.addmm(constant[rows].flatten(), items, folded.flatten(0, 1).T).relu_()
            logits = hidden.view(-1, size) @ self.output.weight[0]
            scores.append(logits.view(len(items), len(rows)).T + self.output.bias)
        return torch.cat(scores) if scores else items.new_empty(0, len(items))


class Model(NeuralRecommender):
    """The sequence NFM behind the interface of all recommenders."""

    Hyperparameters = Hyperparameters
    reads_history = True

    def __init__(self, hyperparameters, n_users, n_items, device=torch.device("cpu")):  # noqa: B008
        super().__init__(hyperparameters, n_users, n_items, device)
        own = self.hyperparameters
        self.module = Module(n_items, own.embedding_size, own.dropout).to(device)

    def prepare(self, data, features):
        """Take the sampling probabilities from the training interactions."""
        self.module.log_probability = log_popularity(data, self.device)

    def samples(self, data):
        """Every prefix of a training sequence with its next item."""
        return PrefixSamples(data, self.hyperparameters.history_length, self.device)

    def score(self, users, history):
        """Score all items from the latest items of each history."""
        latest = torch.as_tensor(history.last(self.hyperparameters.history_length), device=self.device)
        return self.module.score(latest)
