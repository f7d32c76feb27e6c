"""Checkpoints of a training: after each epoch, whole or not at all, and only continued by the same training."""

import hashlib
import json
import logging
import pickle
import zlib
from pathlib import Path

import numpy as np
import torch

from reelrank.errors import InputError
from reelrank.files import atomic, remove


class Checkpoint:
    """The file ``checkpoint-{digest}.pt`` of a model's folder.

    Checkpoints of other digests in that folder, which an earlier config or earlier code
    left, are removed. Without a folder nothing is written.

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
                logging.info("%s belongs to another config, other data or other code: removed", other)
                remove(other)

    def save(self, state):
        """Write `state`, a dict of tensors and plain values."""
        if self.path:
            with atomic(self.path) as temporary:
                torch.save({**state, "digest": self.digest}, temporary)

    def unfit(self, error):
        """Return the `InputError` for a file that is no checkpoint of this training, as `error` showed."""
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return InputError(f"{self.path}: not a checkpoint of this training; delete it ({reason})")

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
        except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, AttributeError, TypeError) as error:
            raise self.unfit(error) from None
        if found != self.digest:
            raise InputError(
                f"{self.path}: found the checkpoint of another config, other data or other code, {found}; "
                f"expected {self.digest}; delete it to train from the start"
            )
        return state


def remove_checkpoints(folder):
    """Remove the checkpoints in a model's folder, once everything that was learned is written."""
    for path in Path(folder).glob("checkpoint-*.pt"):
        remove(path)


def training_digest(kind, options, seed, data, features=None, code=""):
    """Return 12 hexadecimal digits that stand for a training, torch's number of threads included.

    Parameters
    ----------
    kind : str
        Type of the model.
    options : dict
        Complete.
    seed : int
    data : reelrank.data.interactions.Interactions
    features : numpy.ndarray, optional
    code : str
        Digest of the code that trains.
    """
    arrays = [data.items, data.starts, data.codes, *([] if features is None else [features])]
    sums = [[str(array.dtype), list(array.shape), zlib.crc32(np.ascontiguousarray(array))] for array in arrays]
    parts = [kind, options, seed, data.n_users, data.n_items, sums, code, torch.get_num_threads()]
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
