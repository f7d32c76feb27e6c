"""Training samples, negatives and losses; everything is on the device, without loops over samples."""

import math
from dataclasses import dataclass

import torch

#: Positions whose logits over the whole catalogue are in memory together.
POSITIONS_AT_ONCE = 256


@dataclass(frozen=True)
class Batch:
    """A batch of training samples.

    Attributes
    ----------
    users, targets : torch.Tensor
        ``(batch,)`` int64.
    history : torch.Tensor
        ``(batch, history_length)`` int64, oldest first, padded with n_items on the left.
    blocked : torch.Tensor
        ``(batch, batch)`` bool: True if target j is an item of user i and so not a negative.
    """

    users: torch.Tensor
    targets: torch.Tensor
    history: torch.Tensor
    blocked: torch.Tensor


class PrefixSamples:
    """Every training interaction except a user's first, with the items before it.

    Parameters
    ----------
    data : reelrank.data.interactions.Interactions
    history_length : int
        Number of latest items in a sample's history.
    device : torch.device
    first : bool
        Include a user's first interaction (with an empty history), for models that
        read no history.
    """

    #: A single sample has no in-batch negative, and BatchNorm cannot compute a variance.
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
        """Return which targets are training items of each user, except the user's own positive.

        A second copy of the positive in the batch is blocked too: otherwise it would be its
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

    Every training interaction except a user's first is the target of exactly one position
    of one window. For users with more than one window, each epoch draws new window starts
    (`redraw`), so that no interaction always has the shortest context.

    Parameters
    ----------
    data : reelrank.data.interactions.Interactions
    length : int
        Positions per window.
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
        """Draw the window starts of each user from a CPU generator."""
        self._cut(torch.randint(self.length, self.firsts.shape, generator=generator))

    def _cut(self, shifts):
        """Cut windows; for a user with more than one, the first has ``length - shift`` targets."""
        targets = (self.ends - self.firsts).clamp_min(0)
        shifts = torch.where(targets > self.length, shifts, 0)
        counts = (targets + shifts + self.length - 1) // self.length
        user = torch.repeat_interleave(torch.arange(len(counts)), counts)
        place = torch.arange(len(user)) - (counts.cumsum(0) - counts)[user]
        begins = self.firsts[user] - shifts[user] + place * self.length
        self.begins = torch.maximum(begins, self.firsts[user]).to(self.device)
        self.rows = (torch.minimum(begins + self.length, self.ends[user]) - 1).to(
            self.device
        )  # rows of the last targets

    def batch(self, index):
        """Return the windows `index`, as long as the longest of them.

        Returns
        -------
        history, targets : torch.Tensor
            Both ``(batch, longest)`` int64, oldest first, padded with n_items on the left.
            The target of a position is the item after it.
        """
        lasts, begins = self.rows[index], self.begins[index]
        longest = int((lasts - begins).max()) + 1
        rows = lasts[:, None] - self.offsets[-longest:]
        inside = rows >= begins[:, None]
        history = torch.where(inside, self.items[(rows - 1).clamp_min(0)], self.n_items)
        return history, torch.where(inside, self.items[rows.clamp_min(0)], self.n_items)


def full_softmax_loss(hidden, targets, items):
    """Return the mean softmax loss of targets over the whole catalogue.

    Logits are computed `POSITIONS_AT_ONCE` positions at a time, so that memory does not grow with the batch.

    Parameters
    ----------
    hidden : torch.Tensor
        ``(n, d)``, one per position.
    targets : torch.Tensor
        ``(n,)`` int64.
    items : torch.Tensor
        ``(n_items, d)``.
    """
    chunks = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=POSITIONS_AT_ONCE, acc_dtype=torch.float32)
    return torch.nn.functional.linear_cross_entropy(hidden.to(items.dtype), items, targets, options=chunks)


def sampled_softmax_loss(hidden, positives, negatives, blocked, n_items):
    """Return the mean softmax loss of targets over themselves and sampled negatives.

    The logits of the negatives are corrected by the sampling rate (Jean et al., "On Using Very Large Target
    Vocabulary for Neural Machine Translation", ACL 2015).

    Parameters
    ----------
    hidden, positives : torch.Tensor
        ``(n, d)``: the state of each position, and the vector of its target.
    negatives : torch.Tensor
        ``(n_negatives, d)``, drawn uniformly with replacement and shared by all positions.
    blocked : torch.Tensor
        ``(n, n_negatives)`` bool: the negative is the position's target.
    n_items : int
    """
    others = hidden @ negatives.T + math.log(n_items / len(negatives))
    positive = (hidden * positives).sum(1, keepdim=True)
    logits = torch.cat([positive, others.masked_fill(blocked, -torch.inf)], 1)
    return torch.nn.functional.cross_entropy(logits, torch.zeros(len(hidden), dtype=torch.long, device=hidden.device))


def log_popularity(data, device):
    """Return the log of each item's share of the training interactions, ``(n_items,)`` float32.

    This is the probability of an item to be a target if every interaction is one. Models that
    read histories do not learn from a user's first interaction, but it is counted here as well.
    An item without training interactions counts as if it had one.
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
        ``(n_items,)``, result of `log_popularity`. It corrects for popular items being
        negatives more often.
    """
    corrected = (logits - log_probability[batch.targets]).masked_fill(batch.blocked, -torch.inf)
    labels = torch.arange(len(batch.targets), device=logits.device)
    return torch.nn.functional.cross_entropy(corrected, labels)
