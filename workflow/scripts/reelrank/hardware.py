"""Where and how torch computes: device, threads, determinism."""

import logging
import os

import torch

from reelrank.errors import InputError


def pick_device():
    """Return the device to compute on: ``REELRANK_DEVICE`` if set, else a GPU if there is one, else the CPU."""
    name = os.environ.get("REELRANK_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"REELRANK_DEVICE: found {name!r}, but torch sees no GPU; expected cpu")
    device = torch.device(name)
    logging.info("device %s", torch.cuda.get_device_name(device) if device.type == "cuda" else device)
    return device


def make_deterministic(threads, seed, deterministic=True):
    """Fix thread count and seed, and ask torch for algorithms whose result does not vary.

    The number of threads decides the order of floating-point sums, so it comes
    from the config and not from the machine.

    Parameters
    ----------
    threads, seed : int
    deterministic : bool
        False lets a GPU use faster algorithms, whose last bits differ from run to run.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    torch.backends.cudnn.allow_tf32 = False  # torch's default would round a GRU's products
    torch.use_deterministic_algorithms(deterministic, warn_only=True)
