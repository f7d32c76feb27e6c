"""Checkpoints: a killed training ends as an undisturbed one; those of other trainings are not continued."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from small_data import random_interactions

from reelrank import training
from reelrank.checkpoints import Checkpoint, training_digest
from reelrank.errors import InputError
from reelrank.models import WEIGHTS, model_class

OPTIONS = {"embedding_size": 8, "batch_size": 16, "epochs": 5, "patience": 5, "learning_rate": 0.01}


class Killed(BaseException):
    """What a signal would do."""


def fit(kind, folder, options=None, seed=1):
    """Fit a model in `folder`; return its epochs and the bytes of its weights."""
    data = random_interactions(3)
    torch.manual_seed(seed)
    model = model_class(kind)({**OPTIONS, **(options or {})}, data.n_users, data.n_items)
    epochs = model.fit(data, seed, folder)
    model.save(folder)
    return epochs, (folder / WEIGHTS).read_bytes()


def kill_after(monkeypatch, epochs):
    """Let the training die in the epoch after this many."""
    real, calls = training._run_epoch, []

    def run_epoch(*arguments):
        if len(calls) == epochs:
            raise Killed
        calls.append(1)
        return real(*arguments)

    monkeypatch.setattr(training, "_run_epoch", run_epoch)


def killed(monkeypatch, kind, folder, epochs=2, **options):
    """Kill a training and return its checkpoint."""
    with monkeypatch.context() as patch:
        kill_after(patch, epochs)
        with pytest.raises(Killed):
            fit(kind, folder, options)
    (left,) = folder.iterdir()
    return left


@pytest.mark.parametrize("kind", ["nfm", "bpr", "dssm", "sasrec", "gru4rec"])
def test_a_killed_training_ends_as_an_undisturbed_one(kind, monkeypatch, tmp_path):
    options = {"dropout": 0.3} if kind in ("nfm", "sasrec", "gru4rec") else {}
    options |= {"negatives": 3} if kind in ("sasrec", "gru4rec") else {}
    undisturbed = fit(kind, tmp_path / "whole", options)
    left = killed(monkeypatch, kind, tmp_path / "killed", **options)
    assert left.name.startswith("checkpoint-")
    torch.rand(7)  # the second process is at another place of the global generator
    kill_after(monkeypatch, 3)
    assert fit(kind, tmp_path / "killed", options) == undisturbed
    assert not left.exists()


def test_a_training_killed_after_its_last_epoch_learns_nothing_more(monkeypatch, tmp_path):
    undisturbed = fit("nfm", tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "remove", lambda self: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            fit("nfm", tmp_path / "killed")
    kill_after(monkeypatch, 0)
    assert fit("nfm", tmp_path / "killed") == undisturbed


def test_a_checkpoint_of_another_config_is_removed(monkeypatch, tmp_path, caplog):
    caplog.set_level("INFO")
    left = killed(monkeypatch, "nfm", tmp_path)
    fit("nfm", tmp_path, {"learning_rate": 0.02})
    assert not left.exists() and f"{left} belongs to another config" in caplog.text


@pytest.mark.parametrize("content", ["another", "damaged", "pickle"])
def test_a_checkpoint_under_a_wrong_name_is_refused(content, monkeypatch, tmp_path):
    left = killed(monkeypatch, "nfm", tmp_path)
    if content == "another":
        torch.save({**torch.load(left, weights_only=True), "digest": "0123456789ab"}, left)
    elif content == "damaged":
        left.write_bytes(left.read_bytes()[:2000])
    else:
        torch.save({"digest": OPTIONS, "code": Killed}, left)
    with pytest.raises(InputError, match=f"{left.name}: .*delete it"):
        fit("nfm", tmp_path)
    assert left.exists()


def test_the_digest_is_of_all_that_decides_a_training():
    data, options = random_interactions(3), model_class("nfm").Hyperparameters()
    features = np.ones((data.n_items, 2), np.float32)
    codes = data.codes.copy()
    codes[0] = 3
    digests = [
        training_digest("nfm", options, 1, data),
        training_digest("bpr", options, 1, data),
        training_digest("nfm", replace(options, dropout=0.1), 1, data),
        training_digest("nfm", options, 2, data),
        training_digest("nfm", options, 1, random_interactions(4)),
        training_digest("nfm", options, 1, replace(data, codes=codes)),
        training_digest("nfm", options, 1, replace(data, n_items=data.n_items + 1)),
        training_digest("nfm", options, 1, data, features),
        training_digest("nfm", options, 1, data, 2 * features),
    ]
    assert len(set(digests)) == len(digests)
    assert training_digest("nfm", options, 1, data) == digests[0]


def test_without_a_folder_nothing_is_written():
    checkpoint = Checkpoint(None, "a")
    checkpoint.save({"epoch": 1})
    assert checkpoint.load() is None
    checkpoint.remove()
