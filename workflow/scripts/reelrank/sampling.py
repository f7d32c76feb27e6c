"""Training samples and in-batch negatives, all on the device and with no loop over samples."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Batch:
    """Some training samples.

    Attributes
    ----------
    users, targets : torch.Tensor
        ``(batch,)`` int64.
    history : torch.Tensor
        ``(batch, history_length)`` int64, oldest first, padded with n_items on the left.
    blocked : torch.Tensor
        ``(batch, batch)`` bool: target j is no negative of user i, being the user's own.
    """

    users: torch.Tensor
    targets: torch.Tensor
    history: torch.Tensor
    blocked: torch.Tensor


class PrefixSamples:
    """Every training interaction but a user's first, with the items before it.

    Parameters
    ----------
    data : reelrank.data.Interactions
    history_length : int
        How many of the latest items a sample's history holds.
    device : torch.device
    first : bool
        Also take a user's first interaction (with an empty history), for models that
        read no history.
    """

    def __init__(self, data, history_length, device, first=False):
        training = data.training()
        self.n_items = data.n_items
        self.items = torch.tensor(data.items, device=device).long()
        self.users = torch.tensor(data.users, device=device)
        self.starts = torch.tensor(training.starts, device=device)
        self.ends = torch.tensor(training.ends, device=device)
        row = torch.arange(len(self.items), device=device)
        is_train = (row < self.ends[self.users]) & (row >= self.starts[self.users] + (0 if first else 1))
        self.rows = row[is_train]
        self.offsets = torch.arange(history_length, 0, -1, device=device)

    def __len__(self):
        return len(self.rows)

    def batch(self, index):
        """Return the samples `index` (int64 tensor) as a `Batch`."""
        rows = self.rows[index]
        users, targets = self.users[rows], self.items[rows]
        earlier = rows[:, None] - self.offsets
        inside = earlier >= self.starts[users][:, None]
        history = torch.where(inside, self.items[earlier.clamp_min(0)], self.n_items)
        return Batch(users, targets, history, self._blocked(users, targets))

    def _blocked(self, users, targets):
        """Mark targets that lie in a user's training items, except each user's own positive.

        A second copy of the positive in the batch is blocked too: it would be its
        own negative.
        """
        starts, lengths = self.starts[users], self.ends[users] - self.starts[users]
        sample = torch.repeat_interleave(torch.arange(len(users), device=users.device), lengths)
        within = torch.arange(len(sample), device=users.device) - (lengths.cumsum(0) - lengths)[sample]
        owned = torch.zeros(len(users), self.n_items, dtype=torch.bool, device=users.device)
        owned[sample, self.items[starts[sample] + within]] = True
        return owned[:, targets].fill_diagonal_(False)


def log_popularity(data, device):
    """Return the log of each item's probability to be a target, ``(n_items,)`` float32."""
    counts = torch.as_tensor(data.popularity(), device=device).double()
    return torch.log(counts.clamp_min(1) / counts.sum()).float()


def in_batch_softmax_loss(logits, batch, log_probability):
    """Return the sampling-corrected softmax loss over the items of a batch (Yi et al., RecSys 2019).

    Parameters
    ----------
    logits : torch.Tensor
        ``(batch, batch)``: user i against target j.
    batch : Batch
    log_probability : torch.Tensor
        ``(n_items,)``, of `log_popularity`: a popular item is often a negative, which
        the correction undoes.
    """
    corrected = (logits - log_probability[batch.targets]).masked_fill(batch.blocked, -torch.inf)
    labels = torch.arange(len(batch.targets), device=logits.device)
    return torch.nn.functional.cross_entropy(corrected, labels)
