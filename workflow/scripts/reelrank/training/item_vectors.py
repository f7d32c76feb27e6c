"""Item vectors of neural models: id embeddings, projected feature vectors, or both.

A model with the option ``item_input`` reads one frozen feature vector per item (a matrix of an
encoder). ``as`` says how:

- ``add``: the id embedding plus a linear projection of the feature;
- ``only``: the projection alone;
- ``init``: the id embedding starts from the feature, reduced by a truncated SVD, and is trained.

Features are centred and scaled to length 1 first. An item without a feature has the zero vector.
"""

import torch
from torch import nn

from reelrank.training.samples import full_softmax_loss, sampled_softmax_loss


class ItemVectors(nn.Module):
    """One vector per item.

    Parameters
    ----------
    n_items, size : int
    kind : {None, 'add', 'only', 'init'}
        ``as`` of the option ``item_input``; None: id embeddings alone.
    dimension : int
        Dimension of the features.
    padded : bool
        Whether the index ``n_items`` stands for padding, whose vector is always zero.
    """

    def __init__(self, n_items, size, kind=None, dimension=0, padded=True):
        super().__init__()
        self.n_items, self.kind, self.rows = n_items, kind, n_items + padded
        own = nn.Embedding(self.rows, size, padding_idx=n_items if padded else None)
        self.ids = None if kind == "only" else own
        self.projection = nn.Linear(dimension, size, bias=False) if kind in ("add", "only") else None
        # Not part of the state: checkpoints and saved models would hold a copy of the feature file.
        self.register_buffer("features", torch.zeros(self.rows, dimension), persistent=False)

    @torch.no_grad()
    def initialise(self, draw):
        """Draw the first weights: ``draw(weight)`` fills a matrix in place; padding becomes zero."""
        if self.ids is not None:
            draw(self.ids.weight)
            self.ids.weight[self.n_items :].zero_()
        if self.projection is not None:
            draw(self.projection.weight)

    @torch.no_grad()
    def set_features(self, features):
        """Store the features, ``(n_items, dimension)`` float32; rows of zeros are items without one."""
        device = next(self.parameters()).device
        prepared = centred(torch.as_tensor(features, dtype=torch.float32)).to(device)
        if self.kind == "init":
            start = reduced(prepared, self.ids.embedding_dim)
            start *= self.ids.weight[: self.n_items].std() / start.square().mean().sqrt().clamp_min(1e-12)
            self.ids.weight[: self.n_items, : start.shape[1]] = start
        else:
            self.features[: self.n_items] = prepared

    def forward(self, items):
        """Return the vectors of some items, ``(n, d)``, from indices ``(n,)`` int64."""
        vectors = 0 if self.ids is None else self.ids(items)
        return vectors if self.projection is None else vectors + self.projection(self.features[items])

    def table(self):
        """Return the vectors of all items, ``(n_items, d)``; with padding, a last row of zeros."""
        vectors = 0 if self.ids is None else self.ids.weight
        return vectors if self.projection is None else vectors + self.projection(self.features)

    def lookup(self, needed=None):
        """Compute the vectors of the `needed` items once each (indices in any order and number), or of all items."""
        if needed is None:
            return Lookup(self.table(), None, self.n_items if self.rows > self.n_items else None)
        items = torch.unique(needed)
        return Lookup(self(items), items, None)


class Lookup:
    """Vectors of some items, which are computed already.

    Attributes
    ----------
    vectors : torch.Tensor
        ``(n, d)``.
    items : torch.Tensor or None
        ``(n,)`` sorted indices of the items of the rows; None if row i is item i.
    """

    def __init__(self, vectors, items, padding):
        self.vectors, self.items, self.padding = vectors, items, padding

    def __call__(self, items):
        """Return the vectors of items of any shape, ``(..., d)``."""
        rows = items if self.items is None else torch.searchsorted(self.items, items)
        return nn.functional.embedding(rows, self.vectors, self.padding)


class ReadsItemVectors:
    """Mixin before `reelrank.models.NeuralRecommender`, for models whose module has ``items``, an `ItemVectors`.

    A saved model has the vectors of all items as plain id embeddings. So a loaded model needs neither the
    features nor their projection.
    """

    def item_kind(self, dimension):
        """Return ``kind`` of `ItemVectors` for features of this dimension; None without features."""
        return self.options["item_input"]["as"] if dimension else None

    def prepare(self, data, features):
        """Store the features, if the model reads them."""
        if features is not None:
            self.module.items.set_features(features)

    @torch.no_grad()
    def arrays(self):
        """Return the state of the module, with one vector per item."""
        state = {name: array for name, array in super().arrays().items() if not name.startswith("items.")}
        return {**state, "items.ids.weight": self.module.items.table().cpu().numpy()}


def centred(features):
    """Return features minus their mean, scaled to length 1, ``(n_items, d)``; rows of zeros stay zero."""
    present = (features != 0).any(1, keepdim=True)
    mean = features.sum(0, dtype=torch.float64) / present.sum().clamp_min(1)
    moved = torch.where(present, features - mean.float(), 0)
    return nn.functional.normalize(moved, eps=1e-6)


def reduced(features, size):
    """Return the projection on the first `size` right singular vectors, ``(n_items, min(size, d))`` float32."""
    values = features.double()
    _, vectors = torch.linalg.eigh(values.T @ values)  # ascending
    vectors = vectors.flip(1)[:, :size]
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
    return (values @ (vectors * largest.sign())).float()  # the sign of a singular vector is arbitrary


def next_item_loss(encode, items, batch, negatives=0):
    """Return the mean softmax loss of next items, over the catalogue or a sample of it.

    Parameters
    ----------
    encode : callable
        ``encode(history, lookup) -> (batch, length, d)``, the hidden state of each position.
    items : ItemVectors
    batch : tuple of torch.Tensor
        Histories and targets, see `reelrank.training.samples.WindowSamples.batch`.
    negatives : int
        0: softmax over all items. Otherwise the number of sampled negatives, drawn uniformly with
        replacement and shared by the batch. Then only vectors of items in the batch are computed.
    """
    history, targets = batch
    real = targets != items.n_items
    wanted = targets[real]
    if not negatives:
        lookup = items.lookup()
        return full_softmax_loss(encode(history, lookup)[real], wanted, lookup.vectors[: items.n_items])
    drawn = torch.randint(items.n_items, (negatives,), device=history.device)
    lookup = items.lookup(torch.cat([history.flatten(), wanted, drawn]))
    hidden = encode(history, lookup)[real]
    blocked = wanted[:, None] == drawn
    return sampled_softmax_loss(hidden, lookup(wanted), lookup(drawn), blocked, items.n_items)
