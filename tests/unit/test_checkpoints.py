"""Checkpoints: a killed training ends as an undisturbed one; those of other trainings are not continued."""

import errno
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch
import train as step_train
from small_data import random_interactions
from small_models import model_of

from reelrank.config.schema import options as complete_options
from reelrank.data.tables import SPLITS, write_table
from reelrank.errors import InputError
from reelrank.models import WEIGHTS, Recommender
from reelrank.training import loop as training
from reelrank.training.checkpoints import Checkpoint, training_digest

OPTIONS = {"embedding_size": 8, "batch_size": 16, "epochs": 5, "patience": 5, "learning_rate": 0.01}


class Killed(BaseException):
    """What a signal would do."""


def fit(kind, folder, options=None, seed=1, code=""):
    """Fit a model in `folder`; return its epochs and the bytes of its weights."""
    data = random_interactions(3)
    model = model_of(kind, data.n_users, data.n_items, **{**OPTIONS, **(options or {})})
    epochs = model.fit(data, seed, folder, code=code)
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


def die(*arguments):
    """Die at once."""
    raise Killed


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


def test_a_training_killed_after_its_last_epoch_learns_nothing_more(monkeypatch, tmp_path):
    undisturbed = fit("nfm", tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(Recommender, "save", die)
        with pytest.raises(Killed):
            fit("nfm", tmp_path / "killed")
    kill_after(monkeypatch, 0)
    assert fit("nfm", tmp_path / "killed") == undisturbed


def step_outputs(folder, code=""):
    """Run the step train on the tables of 12 users; return its outputs as bytes."""
    data = random_interactions(3)
    user = np.repeat(np.arange(data.n_users), np.diff(data.starts)).astype(np.int32)
    position = (np.arange(len(user)) - data.starts[user]).astype(np.int32)
    keys, paths = {"user": user, "position": position}, [folder / "interactions.parquet", folder / "split.parquet"]
    columns = keys | {"item": data.items, "timestamp": np.arange(len(user))}
    write_table(columns, "interactions", paths[0], {"n_users": data.n_users, "n_items": data.n_items})
    codes = pa.DictionaryArray.from_arrays(pa.array(data.codes), pa.array(SPLITS))
    write_table(keys | {"split": codes}, "split", paths[1])
    outputs = {"weights": folder / "model" / WEIGHTS, "training": folder / "model" / "training.parquet"}
    block = {"type": "nfm", **complete_options("models", "nfm", **OPTIONS)}
    step_train.main(*paths, outputs, block, 1, torch.get_num_threads(), code=code)
    return [path.read_bytes() for path in outputs.values()]


def test_the_step_removes_the_checkpoint_once_everything_is_written(monkeypatch, tmp_path):
    undisturbed = step_outputs(tmp_path)
    assert not list(tmp_path.rglob("checkpoint-*"))
    with monkeypatch.context() as patch:
        patch.setattr(step_train, "write_table", die)
        with pytest.raises(Killed):
            step_outputs(tmp_path)
    assert len(list(tmp_path.rglob("checkpoint-*"))) == 1
    kill_after(monkeypatch, 0)
    assert step_outputs(tmp_path) == undisturbed
    assert not list(tmp_path.rglob("checkpoint-*"))


@pytest.mark.parametrize("change", [{"options": {"learning_rate": 0.02}}, {"code": "edited"}])
def test_a_checkpoint_of_another_config_or_other_code_is_removed(change, monkeypatch, tmp_path, caplog):
    caplog.set_level("INFO")
    left = killed(monkeypatch, "nfm", tmp_path)
    fit("nfm", tmp_path, **change)
    assert (
        not left.exists() and f"removed {left}: it belongs to another config, other data or other code" in caplog.text
    )


def test_the_step_hands_its_code_on(monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        patch.setattr(step_train, "write_table", die)
        names = set()
        for code in ("one", "two"):
            with pytest.raises(Killed):
                step_outputs(tmp_path, code)
            names |= {path.name for path in tmp_path.rglob("checkpoint-*")}
    assert len(names) == 2


def spoilt(left, content):
    """Overwrite a checkpoint with something that is none, or none of this training."""
    state = torch.load(left, weights_only=True)
    if content == "another":
        torch.save({**state, "digest": "0123456789ab"}, left)
    elif content == "damaged":
        left.write_bytes(left.read_bytes()[:2000])
    elif content == "pickle":
        torch.save({"digest": OPTIONS, "code": Killed}, left)
    elif content == "list":
        torch.save([1, 2], left)
    elif content == "empty":
        left.write_bytes(b"")
    elif content == "shape":
        torch.save(
            {**state, "module": {key: tensor[:1] for key, tensor in state["module"].items() if tensor.ndim}}, left
        )
    elif content == "optimizer":
        torch.save({**state, "optimizer": {"state": {}, "param_groups": []}}, left)
    else:
        torch.save({key: value for key, value in state.items() if key != content}, left)


@pytest.mark.parametrize(
    "content",
    ["another", "damaged", "pickle", "list", "empty", "shape", "optimizer", "random", "history", "best_state"],
)
def test_a_checkpoint_under_a_wrong_name_is_refused(content, monkeypatch, tmp_path):
    left = killed(monkeypatch, "nfm", tmp_path)
    spoilt(left, content)
    with pytest.raises(InputError, match=f"{left.name}: .*delete it") as caught:
        fit("nfm", tmp_path)
    assert "()" not in str(caught.value)
    assert left.exists()


def test_the_digest_is_of_all_that_decides_a_training(monkeypatch):
    data, options = random_interactions(3), complete_options("models", "nfm")
    features = np.ones((data.n_items, 2), np.float32)
    codes = data.codes.copy()
    codes[0] = 3
    digests = [
        training_digest("nfm", options, 1, data),
        training_digest("bpr", options, 1, data),
        training_digest("nfm", options | {"dropout": 0.1}, 1, data),
        training_digest("nfm", options, 2, data),
        training_digest("nfm", options, 1, random_interactions(4)),
        training_digest("nfm", options, 1, replace(data, codes=codes)),
        training_digest("nfm", options, 1, replace(data, n_items=data.n_items + 1)),
        training_digest("nfm", options, 1, data, features),
        training_digest("nfm", options, 1, data, 2 * features),
        training_digest("nfm", options, 1, data, code="edited"),
    ]
    assert len(set(digests)) == len(digests)
    assert training_digest("nfm", options, 1, data) == digests[0]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    assert training_digest("nfm", options, 1, data) not in digests


def test_without_a_folder_nothing_is_written():
    checkpoint = Checkpoint(None, "a")
    checkpoint.save({"epoch": 1})
    assert checkpoint.load() is None


def test_a_full_disk_is_called_so(tmp_path, monkeypatch):
    """What torch raises then is a RuntimeError about positions in a file."""

    def full(*_):
        raise RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 5120 vs 4976")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(RuntimeError, match="unexpected pos"):
        Checkpoint(tmp_path, "0").save({})

    def no_space(**_):
        raise OSError(errno.ENOSPC, "")

    monkeypatch.setattr("reelrank.files.tempfile.TemporaryFile", no_space)
    with pytest.raises(OSError, match="No space left on device") as caught:
        Checkpoint(tmp_path, "0").save({})
    assert str(tmp_path) in caught.value.filename
    assert not list(tmp_path.iterdir())
