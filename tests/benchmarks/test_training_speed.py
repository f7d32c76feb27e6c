"""Training against the bare operations behind it, side by side; a pass of SASRec over MovieLens 100K."""

import numpy as np
import pytest
import torch
from small_data import interactions_of, random_interactions
from small_models import model_of
from speed import best_seconds

from reelrank.config.schema import options as complete_options
from reelrank.training.loop import _run_epoch
from reelrank.training.samples import PrefixSamples, in_batch_softmax_loss

ITEMS = 19_738

#: What RecBole 1.2.1 took for one epoch of SASRec at these sizes on 2 cores.
RECBOLE_SECONDS = 180


class FirstSteps:
    """The first samples of a training, enough for some steps."""

    def __init__(self, samples, n):
        self.samples, self.rows, self.smallest_batch = samples, samples.rows[:n], samples.smallest_batch

    def __len__(self):
        return len(self.rows)

    def batch(self, index):
        """Return the samples `index`."""
        return self.samples.batch(index)


def optimizer_of(model):
    """Return the optimiser that training uses."""
    return torch.optim.AdamW(model.parameter_groups(), lr=1e-4, weight_decay=0.0)


@pytest.mark.parametrize(
    ("kind", "size", "batch_size"), [("dssm", 512, 1024), ("nfm", 64, 64), ("nfm", 256, 64), ("nfm", 1024, 64)]
)
def test_training_against_a_bare_loop(kind, size, batch_size):
    torch.set_num_threads(2)
    data = random_interactions(1, 20_000, ITEMS, 3, 11)
    model = model_of(kind, data.n_users, ITEMS, embedding_size=size)
    model.module = model.build()
    model.prepare(data, None)
    samples = FirstSteps(model.samples(data), batch_size * (3 if size == 1024 else 12))
    optimizer = optimizer_of(model)
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(1))
    batches = [samples.batch(index) for index in order.split(batch_size)]

    def bare():
        for batch in batches:
            optimizer.zero_grad()
            who = batch.users if kind == "dssm" else batch.history
            logits = model.module(who, batch.targets)
            in_batch_softmax_loss(logits, batch, model.module.log_probability).backward()
            optimizer.step()

    options = complete_options("models", kind, batch_size=batch_size)

    def ours():
        _run_epoch(model.module, samples, optimizer, options, torch.Generator().manual_seed(1))

    seconds = best_seconds({"bare": bare, "ours": ours}, repeats=4)
    print(f"\n{kind}, {size} dimensions, batch {batch_size}: {len(samples) / seconds['ours']:.0f} samples/s, ", end="")
    print(f"{seconds['bare'] / seconds['ours']:.2f}x a bare loop over ready batches")


def test_ease_against_its_bare_matrix_operations():
    """Compare the whole fit with only the Cholesky factor and the inverse of a ready Gram matrix in float32."""
    torch.set_num_threads(1)
    data = random_interactions(1, 12_000, 5_000, 3, 11)
    model = model_of("ease", data.n_users, data.n_items)
    matrix = data.training().matrix()
    gram = torch.as_tensor((matrix.T @ matrix).toarray())
    gram.diagonal().add_(model.options["regularization"])

    def bare():
        torch.cholesky_inverse(torch.linalg.cholesky(gram))

    seconds = best_seconds({"bare": bare, "ours": lambda: model.fit(data, 1)}, repeats=3)
    print(f"\nease, {data.n_items} items: {seconds['ours'] / seconds['bare']:.2f}x the bare float32 inverse")


def movielens(path):
    """Return the interactions of ``u.data``, sorted by user and time."""
    users, items, _, times = np.loadtxt(path, dtype=np.int64).T
    order = np.lexsort((times, users))
    users, items = users[order], np.unique(items[order], return_inverse=True)[1]
    return interactions_of(np.split(items, np.flatnonzero(np.diff(users)) + 1), items.max() + 1)


def test_a_pass_of_sasrec_over_movielens(shared_data):
    torch.set_num_threads(2)
    data = movielens(shared_data("ml-100k/u.data"))
    model = model_of("sasrec", data.n_users, data.n_items, embedding_size=64, layers=2, history_length=50)
    model.module = model.build()
    samples, optimizer = model.samples(data), optimizer_of(model)
    shuffle = torch.Generator().manual_seed(1)
    options = model.options | {"batch_size": 128}
    seconds = best_seconds({"ours": lambda: _run_epoch(model.module, samples, optimizer, options, shuffle)}, repeats=3)
    every = len(PrefixSamples(data, 0, torch.device("cpu")))
    print(f"\nsasrec, hidden 64, 2 layers, length 50, full softmax: {seconds['ours']:.1f} s for {every} ", end="")
    print(f"interactions, {RECBOLE_SECONDS / seconds['ours']:.0f}x as fast as RecBole's recorded {RECBOLE_SECONDS} s")
