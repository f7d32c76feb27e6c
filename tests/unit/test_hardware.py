"""Where and how torch computes: the device that is asked for, and determinism."""

import pytest
import torch

from reelrank.errors import InputError
from reelrank.hardware import make_deterministic, pick_device, set_threads_and_seed


@pytest.mark.parametrize("name", ["foo", "mps", "cuda:x", "cpu:0", "CUDA", "cuda:-1"])
def test_a_device_that_is_none_is_refused(name, monkeypatch):
    monkeypatch.setenv("REELRANK_DEVICE", name)
    with pytest.raises(InputError, match=f"REELRANK_DEVICE: found '{name}'; expected cpu, cuda or cuda:N"):
        pick_device()


@pytest.mark.parametrize(("name", "gpus"), [("cpu", 0), ("cpu", 2), ("cuda", 2), ("cuda:1", 2)])
def test_a_device_that_is_there_is_taken(name, gpus, monkeypatch):
    monkeypatch.setenv("REELRANK_DEVICE", name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.cuda, "get_device_name", str)
    assert pick_device() == torch.device(name)


@pytest.mark.parametrize(("name", "gpus"), [("cuda", 0), ("cuda:1", 0), ("cuda:2", 2)])
def test_a_gpu_that_is_not_there_is_named(name, gpus, monkeypatch):
    monkeypatch.setenv("REELRANK_DEVICE", name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    with pytest.raises(InputError, match=f"REELRANK_DEVICE: found '{name}', but torch sees"):
        pick_device()


@pytest.mark.parametrize("gpu", [False, True])
@pytest.mark.parametrize("deterministic", [False, True])
def test_determinism_is_asked_for(deterministic, gpu, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    torch.use_deterministic_algorithms(False)  # another test may have asked for them
    try:
        (make_deterministic if deterministic else set_threads_and_seed)(torch.get_num_threads(), 1)
        assert torch.are_deterministic_algorithms_enabled() == deterministic
        assert torch.is_deterministic_algorithms_warn_only_enabled() == (gpu and deterministic)
    finally:
        torch.use_deterministic_algorithms(False)
