"""Training against the bare operations behind it, side by side; a pass of SASRec over MovieLens 100K."""

import numpy as np
import pytest
import torch
from small_data import interactions_of, random_interactions
from small_models import model_of
from speed import best_seconds

from reelrank.config.schema import options as complete_options
from reelrank.progress import Progress
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
    return torch.optim.AdamW(model.parameter_groups(), lr=1e-4, weight_decay=0.0, fused=True)


def pass_over(model, samples, optimizer, options):
    """Train for one pass, as the workflow does."""
    with Progress("training") as progress:
        progress.begin("benchmark", len(samples), "samples")
        _run_epoch(model.module, samples, optimizer, options, torch.Generator().manual_seed(1), progress)


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
        pass_over(model, samples, optimizer, options)

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


class PlainSasrec(torch.nn.Module):
    """SASRec of torch's own parts over padded windows, with sampled softmax: the bare loop."""

    def __init__(self, n_items, size, layers, heads, length, dropout):
        super().__init__()
        self.n_items = n_items
        self.items = torch.nn.Embedding(n_items + 1, size, padding_idx=n_items)
        self.positions = torch.nn.Embedding(length, size)
        layer = torch.nn.TransformerEncoderLayer(size, heads, size, dropout, batch_first=True, norm_first=True)
        self.blocks = torch.nn.TransformerEncoder(layer, layers, torch.nn.LayerNorm(size), enable_nested_tensor=False)
        self.register_buffer("later", torch.ones(length, length, dtype=torch.bool).triu(1))
        torch.nn.init.normal_(self.items.weight, std=size**-0.5)

    def loss(self, history, targets, negatives):
        """Return the loss over the targets and `negatives` sampled items."""
        hidden = self.blocks(self.items(history) + self.positions.weight, self.later)
        real = targets < self.n_items
        hidden, wanted = hidden[real], targets[real]
        drawn = torch.randint(self.n_items, (negatives,))
        logits = hidden @ self.items(drawn).T
        positive = (hidden * self.items(wanted)).sum(1, keepdim=True)
        logits = logits.masked_fill(wanted[:, None] == drawn, -torch.inf)
        return torch.nn.functional.cross_entropy(torch.cat([positive, logits], 1), torch.zeros_like(wanted))


def short_histories(n_users, n_items):
    """Return interactions as short as those of MicroLens-50k: 5 to 20 a user, half of them 6 or fewer."""
    rng = np.random.default_rng(1)
    lengths = np.minimum(
        4 + rng.geometric(0.4, n_users) + (rng.random(n_users) < 0.1) * rng.integers(0, 12, n_users), 22
    )
    return interactions_of([rng.choice(n_items, length, replace=False) for length in lengths], n_items)


@pytest.mark.parametrize("feature", [None, 384])
def test_sasrec_against_a_bare_loop(feature):
    torch.set_num_threads(2)
    sizes = {"embedding_size": 64, "layers": 2, "heads": 2, "history_length": 20, "dropout": 0.2}
    data, negatives, batch_size = short_histories(50_000, 19_220), 512, 128
    item_input = {"encoder": "any", "field": "title"} if feature else None
    model = model_of("sasrec", data.n_users, data.n_items, **sizes, negatives=negatives, item_input=item_input)
    model.module = model.build(feature or 0)
    model.prepare(data, np.random.default_rng(1).normal(size=(data.n_items, feature)) if feature else None)
    samples = FirstSteps(model.samples(data), batch_size * 40)
    plain = PlainSasrec(data.n_items, 64, 2, 2, 20, 0.2).train()
    padded = torch.full((len(samples), 20), data.n_items)
    history, targets = padded.clone(), padded.clone()
    for rows in torch.arange(len(samples)).split(batch_size):
        short = samples.batch(rows)
        for whole, part in zip((history, targets), short, strict=True):
            whole[rows, -part.shape[1] :] = part
    optimizers = [optimizer_of(model), torch.optim.AdamW(plain.parameters(), lr=1e-4, weight_decay=0.0)]
    order = torch.randperm(len(samples), generator=torch.Generator().manual_seed(1)).split(batch_size)

    def bare():
        for rows in order:
            optimizers[1].zero_grad()
            plain.loss(history[rows], targets[rows], negatives).backward()
            optimizers[1].step()

    options = model.options | {"batch_size": batch_size}
    seconds = best_seconds({"bare": bare, "ours": lambda: pass_over(model, samples, optimizers[0], options)}, repeats=4)
    whole = seconds["ours"] * len(model.samples(data)) / len(samples)
    print(f"\nsasrec, {feature or 'no'} feature dimensions: {whole:.0f} s an epoch of {data.n_users} users, ", end="")
    print(f"{seconds['bare'] / seconds['ours']:.2f}x a bare loop over ready batches")


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
    options = model.options | {"batch_size": 128}
    seconds = best_seconds({"ours": lambda: pass_over(model, samples, optimizer, options)}, repeats=3)
    every = len(PrefixSamples(data, 0, torch.device("cpu")))
    print(f"\nsasrec, hidden 64, 2 layers, length 50, full softmax: {seconds['ours']:.1f} s for {every} ", end="")
    print(f"interactions, {RECBOLE_SECONDS / seconds['ours']:.0f}x as fast as RecBole's recorded {RECBOLE_SECONDS} s")
