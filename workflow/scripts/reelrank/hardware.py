"""Device, threads, determinism and precision of torch."""

import contextlib
import logging
import os
import re

import torch

from reelrank.errors import InputError

#: Precisions of a GPU; a CPU always computes in float32.
PRECISIONS = ("float32", "tf32", "bfloat16")


def pick_device():
    """Return the device to compute on: ``REELRANK_DEVICE`` if set, else a GPU if torch sees one, else the CPU.

    Raises
    ------
    InputError
        If ``REELRANK_DEVICE`` is neither cpu nor a GPU that torch sees (cuda or cuda:N).
    """
    name = os.environ.get("REELRANK_DEVICE") or ("cuda" if torch.cuda.is_available() else "cpu")
    match = re.fullmatch(r"cpu|cuda(?::(\d+))?", name)
    if match is None:
        raise InputError(f"REELRANK_DEVICE: found {name!r}; expected cpu, cuda or cuda:N")
    if name != "cpu" and not torch.cuda.is_available():
        raise InputError(f"REELRANK_DEVICE: found {name!r}, but torch sees no GPU; expected cpu")
    if match[1] and int(match[1]) >= torch.cuda.device_count():
        raise InputError(
            f"REELRANK_DEVICE: found {name!r}, but torch sees {torch.cuda.device_count()} GPUs; expected a lower number"
        )
    device = torch.device(name)
    logging.info("device %s", torch.cuda.get_device_name(device) if device.type == "cuda" else device)
    return device


def set_threads_and_seed(threads, seed):
    """Set the thread count and the seed of torch; a GPU may still use faster algorithms whose last bits differ.

    The number of threads decides the order of floating-point sums, so it comes
    from the config and not from the machine.

    Parameters
    ----------
    threads, seed : int
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    torch.backends.cudnn.allow_tf32 = False  # by default, torch lets a GRU round to TF32


def make_deterministic(threads, seed):
    """Set the thread count and the seed, and restrict torch to deterministic algorithms.

    An operation without one raises an error on a machine without a GPU; no model needs such an operation there. On a
    machine with a GPU, torch only logs a warning that names the operation.

    Parameters
    ----------
    threads, seed : int
    """
    set_threads_and_seed(threads, seed)
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())


@contextlib.contextmanager
def gpu_arithmetic(precision):
    """Turn TF32 on or off for matrix products on a GPU, in both passes; a CPU is not affected."""
    if precision not in PRECISIONS:
        raise InputError(f"precision: found {precision!r}; expected one of {', '.join(PRECISIONS)}")
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def mixed_precision(precision, device):
    """Return the context for a forward pass: bfloat16 on a GPU if `precision` asks for it."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16" and device.type == "cuda")
