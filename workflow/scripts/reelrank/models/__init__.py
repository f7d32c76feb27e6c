"""Base recommenders, one model per file; models.schema.yaml defines their keys.

A model's file defines ``Model``, a subclass of `Recommender` (or of
`NeuralRecommender`, which is trained by `reelrank.training.loop`). The file name is the
``type`` in the config.
"""

import importlib
import json
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from reelrank.errors import InputError
from reelrank.files import write_by, write_json
from reelrank.training.checkpoints import Checkpoint, training_digest
from reelrank.training.loop import train

#: Files of a saved model.
WEIGHTS, DESCRIPTION = "weights.safetensors", "model.json"


class Recommender(ABC):
    """A model that scores the whole catalogue for a user.

    Subclasses set ``reads_history``, and ``personalised`` if it is false.

    Parameters
    ----------
    options : dict
        The complete options of the config block, without ``type`` (`reelrank.config.schema.options`).
    n_users, n_items : int
    device : torch.device
    """

    #: Whether `score` reads histories; if not, the model knows a user only from training.
    reads_history = False

    #: Whether the order of items can differ between users; if false, the tests do not expect it.
    personalised = True

    def __init__(self, options, n_users, n_items, device=torch.device("cpu")):  # noqa: B008
        self.options = options
        self.n_users, self.n_items, self.device = n_users, n_items, device

    @abstractmethod
    def fit(self, data, seed, folder=None, features=None, code=""):
        """Learn from the training interactions of `data`; return a list with one dict per epoch (may be empty).

        Parameters
        ----------
        data : reelrank.data.interactions.Interactions
        seed : int
        folder : str or Path, optional
            Where a model with epochs saves a checkpoint, so that a killed training can
            continue; the caller removes it once the weights are written.
        features : numpy.ndarray, optional
            ``(n_items, dimension)`` float32, for models that read item features.
        code : str
            Digest of the training code: a checkpoint of other code is not continued.
        """

    @abstractmethod
    def score(self, users, history):
        """Score every item.

        Parameters
        ----------
        users : numpy.ndarray
            ``(batch,)`` user indices.
        history : reelrank.data.interactions.Histories
            One per user.

        Returns
        -------
        torch.Tensor or numpy.ndarray
            ``(batch, n_items)`` float32; larger is better. The caller may change it.
        """

    @abstractmethod
    def arrays(self):
        """Return the learned state, as a dict of str to numpy.ndarray."""

    @abstractmethod
    def set_arrays(self, arrays):
        """Set the state that `arrays` returned."""

    @classmethod
    def kind(cls):
        """Return the ``type`` in the config, which is the name of the model's file."""
        return cls.__module__.rpartition(".")[2]

    def save(self, folder):
        """Write the weights and a description to `folder`."""
        arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays().items()}
        write_by(lambda path: save_file(arrays, path), Path(folder) / WEIGHTS)
        description = {
            "type": self.kind(),
            "n_users": self.n_users,
            "n_items": self.n_items,
            "options": self.options,
        }
        write_json(Path(folder) / DESCRIPTION, description)


class DotProduct(ABC):
    """Mixin before `Recommender`: the score is the dot product of a user's and an item's vector."""

    @abstractmethod
    def vectors(self, users, history):
        """Return the vectors of some users, ``(batch, d)``, and of all items, ``(n_items, d)``."""

    @torch.no_grad()
    def score(self, users, history):
        """Score all items by one matrix product."""
        queries, items = self.vectors(users, history)
        return queries @ items.T

    @torch.no_grad()
    def rescore(self, users, history, candidates):
        """Score some items of each user.

        If a model has this method, its best items may be found in a lower precision and
        scored again in float32 (`reelrank.training.topk.top_k`).

        Parameters
        ----------
        users, history
            As in `Recommender.score`.
        candidates : torch.Tensor
            ``(batch, n_candidates)`` int64.

        Returns
        -------
        torch.Tensor
            ``(batch, n_candidates)`` float32.
        """
        queries, items = self.vectors(users, history)
        return torch.stack([items[row] @ query for row, query in zip(candidates, queries, strict=True)])


class NeuralRecommender(Recommender):
    """A recommender around an `nn.Module`, trained by `reelrank.training.loop.train`.

    Subclasses build the module in `build` and their samples in `samples`. Training minimises
    the module's ``loss(batch)``. After fitting or loading it is ``self.module``.
    """

    @abstractmethod
    def build(self, dimension=0):
        """Return a new `nn.Module`, initialised by torch's global generator.

        Parameters
        ----------
        dimension : int
            Dimension of the item features, for models that read them.
        """

    def prepare(self, data, features):
        """Store what the module needs from the data before training; does nothing by default."""

    @abstractmethod
    def samples(self, data):
        """Return the training samples, with ``len`` and ``batch(index)``."""

    def parameter_groups(self):
        """Return the optimiser's parameter groups, as `torch.optim` takes them."""
        return [{"params": list(self.module.parameters())}]

    def fit(self, data, seed, folder=None, features=None, code=""):
        """Train until the valid NDCG@10 no longer rises; continue from a checkpoint in `folder` if there is one.

        Seeds torch's global generator, which draws initial weights, dropout and sampled negatives.

        Raises
        ------
        InputError
            If the options name an item feature and `features` is None.
        """
        feature = item_feature(self.options)
        if feature and features is None:
            raise InputError(
                f"{self.kind()}: found no item features; expected the features of encoder {feature[0]!r} for the "
                f"field {feature[1]!r}, which rules/features.smk makes"
            )
        torch.manual_seed(seed)
        self.module = self.build(0 if features is None else features.shape[1]).to(self.device)
        self.prepare(data, features)
        digest = training_digest(self.kind(), self.options, seed, data, features, code)
        checkpoint = Checkpoint(folder, digest)
        return train(self, self.samples(data), data.queries("valid"), self.options, seed, checkpoint)

    def arrays(self):
        """Return the state of the module."""
        return {name: tensor.cpu().numpy() for name, tensor in self.module.state_dict().items()}

    def set_arrays(self, arrays):
        """Build the module and load its state."""
        self.module = self.build(arrays["features"].shape[1] if "features" in arrays else 0).to(self.device)
        self.module.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        self.module.eval()


def item_feature(options):
    """Return the encoder and the field of the item feature that a model's options name, or None."""
    named = options.get("item_input") or options
    return (named["encoder"], named["field"]) if named.get("encoder") else None


def model_class(kind):
    """Return the class ``Model`` of ``reelrank/models/{kind}.py``."""
    try:
        return importlib.import_module(f"reelrank.models.{kind}").Model
    except ModuleNotFoundError as error:
        if error.name != f"reelrank.models.{kind}":
            raise
        raise InputError(f"unknown model type {kind!r}; the file reelrank/models/{kind}.py does not exist") from None


def load_model(folder, device=torch.device("cpu")):  # noqa: B008
    """Return a model that `Recommender.save` wrote."""
    folder = Path(folder)
    about = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    model = model_class(about["type"])(about["options"], about["n_users"], about["n_items"], device)
    model.set_arrays(load_file(folder / WEIGHTS))
    return model
