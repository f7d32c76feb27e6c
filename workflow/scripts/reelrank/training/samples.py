"""Training samples, negatives and their losses, all on the device and with no loop over samples."""

import math
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
    data : reelrank.data.interactions.Interactions
    history_length : int
        How many of the latest items a sample's history holds.
    device : torch.device
    first : bool
        Also take a user's first interaction (with an empty history), for models that
        read no history.
    """

    #: One sample has no in-batch negative, and BatchNorm no variance.
    smallest_batch = 2

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


class WindowSamples:
    """Training sequences cut into windows; every position of a window predicts its next item.

    Every training interaction but a user's first is the target of exactly one position
    of one window. Where the windows of a user who fills more than one begin is drawn anew
    in each epoch (`redraw`), so that no interaction is always the one with the shortest
    context.

    Parameters
    ----------
    data : reelrank.data.interactions.Interactions
    length : int
        Positions of a window.
    device : torch.device
    """

    smallest_batch = 1

    def __init__(self, data, length, device):
        training = data.training()
        self.n_items, self.length = data.n_items, length
        self.items = torch.tensor(data.items, device=device).long()
        self.firsts = torch.tensor(training.starts + 1)  # row of each user's first target
        self.ends = torch.tensor(training.ends)
        self.device = device
        self.offsets = torch.arange(length - 1, -1, -1, device=device)
        self._cut(torch.zeros_like(self.firsts))

    def __len__(self):
        return len(self.rows)

    def redraw(self, generator):
        """Draw where the windows of each user begin from a CPU generator."""
        self._cut(torch.randint(self.length, self.firsts.shape, generator=generator))

    def _cut(self, shifts):
        """Cut so that the first window of a user who fills more than one has ``length - shift`` targets."""
        targets = (self.ends - self.firsts).clamp_min(0)
        shifts = torch.where(targets > self.length, shifts, 0)
        counts = (targets + shifts + self.length - 1) // self.length
        user = torch.repeat_interleave(torch.arange(len(counts)), counts)
        place = torch.arange(len(user)) - (counts.cumsum(0) - counts)[user]
        begins = self.firsts[user] - shifts[user] + place * self.length
        self.begins = torch.maximum(begins, self.firsts[user]).to(self.device)
        self.rows = (torch.minimum(begins + self.length, self.ends[user]) - 1).to(self.device)  # of the last targets

    def batch(self, index):
        """Return the windows `index`.

        Returns
        -------
        history, targets : torch.Tensor
            Both ``(batch, length)`` int64, oldest first, padded with n_items on the left:
            a position's target is the item after it.
        """
        rows = self.rows[index][:, None] - self.offsets
        inside = rows >= self.begins[index][:, None]
        history = torch.where(inside, self.items[(rows - 1).clamp_min(0)], self.n_items)
        return history, torch.where(inside, self.items[rows.clamp_min(0)], self.n_items)


def next_item_loss(hidden, targets, items, negatives=0):
    """Return the mean softmax loss of next items, over the catalogue or over a sample of it.

    Parameters
    ----------
    hidden : torch.Tensor
        ``(n, d)``, one per position.
    targets : torch.Tensor
        ``(n,)`` int64.
    items : torch.Tensor
        ``(n_items, d)``.
    negatives : int
        0: softmax over all items. Otherwise that many items, drawn uniformly with
        replacement and shared by the batch, stand for all others; their logits are
        corrected by their rate (Jean et al., "On Using Very Large Target Vocabulary for
        Neural Machine Translation", ACL 2015).
    """
    if not negatives:
        return torch.nn.functional.cross_entropy(hidden @ items.T, targets)
    drawn = torch.randint(len(items), (negatives,), device=hidden.device)
    others = hidden @ items[drawn].T + math.log(len(items) / negatives)
    others = others.masked_fill(targets[:, None] == drawn, -torch.inf)
    positive = (hidden * items[targets]).sum(1, keepdim=True)
    return torch.nn.functional.cross_entropy(torch.cat([positive, others], 1), torch.zeros_like(targets))


def log_popularity(data, device):
    """Return the log of each item's share of the training interactions, ``(n_items,)`` float32.

    That is its probability to be a target where every interaction is one. A model that reads
    histories has no sample of a user's first interaction, which is counted here all the same.
    An item without training interactions counts as one.
    """
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
