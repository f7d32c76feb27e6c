"""Checkpoints of a training: after each epoch, whole or not at all, and only continued by the same training."""

import hashlib
import json
import logging
import pickle
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from reelrank.errors import InputError
from reelrank.files import atomic, remove


class Checkpoint:
    """The file ``checkpoint-{digest}.pt`` of a model's folder.

    Checkpoints of other digests in that folder, which an earlier config left, are
    removed. Without a folder nothing is written.

    Parameters
    ----------
    folder : str, Path or None
    digest : str
        Of `training_digest`.
    """

    def __init__(self, folder, digest):
        self.digest = digest
        self.path = None if folder is None else Path(folder) / f"checkpoint-{digest}.pt"
        for other in sorted(self.path.parent.glob("checkpoint-*.pt")) if self.path else []:
            if other != self.path:
                logging.info("%s belongs to another config or to other data: removed", other)
                remove(other)

    def save(self, state):
        """Write `state`, a dict of tensors and plain values."""
        if self.path:
            with atomic(self.path) as temporary:
                torch.save({**state, "digest": self.digest}, temporary)

    def load(self):
        """Return what `save` wrote, with tensors on the CPU, or None if there is no file.

        Raises
        ------
        InputError
            If the file is no checkpoint, or is one of another training.
        """
        if self.path is None or not self.path.is_file():
            return None
        try:
            state = torch.load(self.path, map_location="cpu", weights_only=True)
            found = state.pop("digest")
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, AttributeError) as error:
            raise InputError(f"{self.path}: not a checkpoint of this program; delete it ({error})") from None
        if found != self.digest:
            raise InputError(
                f"{self.path}: found the checkpoint of another config or of other data, {found}; "
                f"expected {self.digest}; delete it to train from the start"
            )
        return state

    def remove(self):
        """Remove the file."""
        if self.path:
            remove(self.path)


def training_digest(kind, hyperparameters, seed, data, features=None):
    """Return 12 hexadecimal digits that stand for a training, whatever the code.

    Parameters
    ----------
    kind : str
        Type of the model.
    hyperparameters : dataclass
    seed : int
    data : reelrank.data.Interactions
    features : numpy.ndarray, optional
    """
    arrays = [data.items, data.starts, data.codes, *([] if features is None else [features])]
    sums = [[str(array.dtype), list(array.shape), zlib.crc32(np.ascontiguousarray(array))] for array in arrays]
    parts = [kind, asdict(hyperparameters), seed, data.n_users, data.n_items, sums]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def random_state(shuffle, device):
    """Return the state of the generators that training draws from: `shuffle`, the CPU's and the GPU's."""
    state = {"shuffle": shuffle.get_state(), "cpu": torch.get_rng_state()}
    return {**state, "cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def set_random_state(state, shuffle, device):
    """Restore what `random_state` returned."""
    shuffle.set_state(state["shuffle"])
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
