"""Checkpoints of a training: written atomically after each epoch, and read only by the same training."""

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

    Checkpoints with other digests in the folder come from an earlier config or earlier code
    and are removed. Without a folder nothing is written.

    Parameters
    ----------
    folder : str, Path or None
    digest : str
        Result of `training_digest`.
    """

    def __init__(self, folder, digest):
        self.digest = digest
        self.path = None if folder is None else Path(folder) / f"checkpoint-{digest}.pt"
        for other in sorted(self.path.parent.glob("checkpoint-*.pt")) if self.path else []:
            if other != self.path:
                logging.info("removed %s: it belongs to another config, other data or other code", other)
                remove(other)

    def save(self, state):
        """Write `state`, a dict of tensors and plain values."""
        if self.path:
            with atomic(self.path) as temporary:
                torch.save({**state, "digest": self.digest}, temporary)

    def unfit(self, error):
        """Return the `InputError` for a file that is not a checkpoint of this training, with the reason in `error`."""
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        return InputError(f"{self.path}: not a checkpoint of this training; delete it ({reason})")

    def load(self):
        """Return the saved state with tensors on the CPU, or None if the file does not exist.

        Raises
        ------
        InputError
            If the file is not a checkpoint, or belongs to another training.
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
    """Remove the checkpoints in a model's folder; call it after the model is written."""
    for path in Path(folder).glob("checkpoint-*.pt"):
        remove(path)


def training_digest(kind, options, seed, data, features=None, code=""):
    """Return 12 hexadecimal digits that identify a training, including torch's number of threads.

    Parameters
    ----------
    kind : str
        Type of the model.
    options : dict
        Complete options of the model.
    seed : int
    data : reelrank.data.interactions.Interactions
    features : numpy.ndarray, optional
    code : str
        Digest of the training code.
    """
    arrays = [data.items, data.starts, data.codes, *([] if features is None else [features])]
    sums = [[str(array.dtype), list(array.shape), zlib.crc32(np.ascontiguousarray(array))] for array in arrays]
    parts = [kind, options, seed, data.n_users, data.n_items, sums, code, torch.get_num_threads()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def random_state(shuffle, device):
    """Return the states of the random generators of training: `shuffle`, the CPU's and the GPU's."""
    state = {"shuffle": shuffle.get_state(), "cpu": torch.get_rng_state()}
    return {**state, "cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def set_random_state(state, shuffle, device):
    """Restore the states that `random_state` returned."""
    shuffle.set_state(state["shuffle"])
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
