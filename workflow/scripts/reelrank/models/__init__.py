"""Base recommenders: one file each, with the hyper-parameters and the model, nothing else.

A model's file defines ``Model``, a subclass of `Recommender` (or of
`NeuralRecommender`, which is trained by `reelrank.training`), whose file name is the
``type`` in the config.
"""

import importlib
import json
from abc import ABC, abstractmethod
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from reelrank.checkpoints import Checkpoint, training_digest
from reelrank.errors import InputError
from reelrank.files import atomic, write_json
from reelrank.training import train

#: Files of a saved model.
WEIGHTS, DESCRIPTION = "weights.safetensors", "model.json"


class Recommender(ABC):
    """Something that scores the whole catalogue for a user.

    Subclasses set ``Hyperparameters`` (a dataclass) and ``reads_history``.

    Parameters
    ----------
    hyperparameters : dict
        Of the config block, without ``type``.
    n_users, n_items : int
    device : torch.device
    """

    #: Whether `score` reads histories; others know a user by training alone.
    reads_history = False

    def __init__(self, hyperparameters, n_users, n_items, device=torch.device("cpu")):  # noqa: B008
        self.hyperparameters = self.Hyperparameters(**hyperparameters)
        self.n_users, self.n_items, self.device = n_users, n_items, device

    @abstractmethod
    def fit(self, data, seed, folder=None, features=None):
        """Learn from the training interactions of `data`; return one dict per epoch (may be none).

        Parameters
        ----------
        data : reelrank.data.Interactions
        seed : int
        folder : str or Path, optional
            Where a model with epochs keeps a checkpoint until it is trained, so that
            a killed training continues.
        features : numpy.ndarray, optional
            ``(n_items, dimension)`` float32, for models that read item features.
        """

    @abstractmethod
    def score(self, users, history):
        """Score every item.

        Parameters
        ----------
        users : numpy.ndarray
            ``(batch,)`` user indices.
        history : reelrank.data.Histories
            One per user.

        Returns
        -------
        torch.Tensor or numpy.ndarray
            ``(batch, n_items)`` float32; larger is better.
        """

    @abstractmethod
    def arrays(self):
        """Return what was learned, as a dict of str to numpy.ndarray."""

    @abstractmethod
    def set_arrays(self, arrays):
        """Take what `arrays` returned."""

    @classmethod
    def kind(cls):
        """Return the ``type`` in the config: the name of the model's file."""
        return cls.__module__.rpartition(".")[2]

    def save(self, folder):
        """Write the model to `folder`, as weights and a description."""
        arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays().items()}
        with atomic(Path(folder) / WEIGHTS) as temporary:
            save_file(arrays, temporary)
        description = {
            "type": self.kind(),
            "n_users": self.n_users,
            "n_items": self.n_items,
            "hyperparameters": asdict(self.hyperparameters),
        }
        write_json(Path(folder) / DESCRIPTION, description)


class NeuralRecommender(Recommender):
    """A recommender around an `nn.Module`, trained by `reelrank.training.train`.

    Subclasses set ``self.module``, whose ``loss(batch)`` is minimised, and build
    their samples in `samples`.
    """

    def prepare(self, data, features):
        """Take what the module needs of the data before it is trained; here nothing."""

    @abstractmethod
    def samples(self, data):
        """Return the training samples, with ``len`` and ``batch(index)``."""

    def parameter_groups(self):
        """Return the optimiser's parameter groups, as `torch.optim` takes them."""
        return [{"params": list(self.module.parameters())}]

    def fit(self, data, seed, folder=None, features=None):
        """Train until the valid NDCG@10 no longer rises; what a checkpoint in `folder` holds is not repeated."""
        self.prepare(data, features)
        digest = training_digest(self.kind(), self.hyperparameters, seed, data, features)
        checkpoint = Checkpoint(folder, digest)
        return train(self, self.samples(data), data.queries("valid"), self.hyperparameters, seed, checkpoint)

    def arrays(self):
        """Return the module's state."""
        return {name: tensor.cpu().numpy() for name, tensor in self.module.state_dict().items()}

    def set_arrays(self, arrays):
        """Load the module's state."""
        self.module.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
        self.module.eval()


def model_class(kind):
    """Return the class ``Model`` of ``reelrank/models/{kind}.py``."""
    try:
        return importlib.import_module(f"reelrank.models.{kind}").Model
    except ModuleNotFoundError as error:
        if error.name != f"reelrank.models.{kind}":
            raise
        raise InputError(f"unknown model type {kind!r}; expected a file models/{kind}.py in the library") from None


def load_model(folder, device=torch.device("cpu")):  # noqa: B008
    """Read a model that `Recommender.save` wrote."""
    folder = Path(folder)
    about = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    model = model_class(about["type"])(about["hyperparameters"], about["n_users"], about["n_items"], device)
    model.set_arrays(load_file(folder / WEIGHTS))
    return model
