"""The one training loop: shuffled batches, early stopping on valid NDCG@10, best weights kept."""

import copy
import logging
import time
from dataclasses import dataclass

import numpy as np
import torch

from reelrank.errors import InputError
from reelrank.topk import target_ranks


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """Hyper-parameters that every model trained by `train` has.

    Attributes
    ----------
    epochs : int
        At most this many passes over the samples.
    batch_size : int
    learning_rate : float
        Of Adam.
    weight_decay : float
        Decoupled (AdamW).
    patience : int
        Stop after this many epochs without a better NDCG@10 on valid.
    validation_users : int
        Valid users (a seeded sample) that early stopping looks at.
    """

    epochs: int = 120
    batch_size: int = 64
    learning_rate: float = 1e-4
    weight_decay: float = 0.0
    patience: int = 5
    validation_users: int = 20_000


def train(model, samples, queries, options, seed):
    """Train `model` in place and leave it with its best weights.

    Parameters
    ----------
    model : reelrank.models.NeuralRecommender
        Has ``module`` (with ``loss(batch)``) and ``score``.
    samples : object with ``len`` and ``batch(index)``
        See `reelrank.sampling.PrefixSamples`.
    queries : reelrank.data.Queries
        The valid users.
    options : TrainingOptions
    seed : int
        Of the shuffling and of the sample of valid users.

    Returns
    -------
    list of dict
        One row per epoch: epoch, loss (mean over the samples learned from), valid_ndcg.

    Raises
    ------
    InputError
        If there are fewer than 2 samples.
    FloatingPointError
        If a loss is not finite; names the epoch.
    """
    if len(samples) < 2:
        raise InputError(
            f"found {len(samples)} training samples; expected 2 or more; the users' histories are too short"
        )
    shuffle = torch.Generator().manual_seed(seed)
    queries = _sample_of(queries, options.validation_users, seed)
    optimizer = torch.optim.AdamW(
        model.module.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay
    )
    history, best, best_state = [], -1.0, None
    for epoch in range(1, options.epochs + 1):
        started = time.monotonic()
        loss = _run_epoch(model.module, samples, optimizer, options.batch_size, shuffle, epoch)
        ndcg = validation_ndcg(model, queries)
        history.append({"epoch": epoch, "loss": loss, "valid_ndcg": ndcg})
        logging.info(
            "epoch %d/%d: loss %.4f, valid NDCG@10 %.5f, %.1f s",
            epoch,
            options.epochs,
            loss,
            ndcg,
            time.monotonic() - started,
        )
        if ndcg > best:
            best, best_epoch = ndcg, epoch
            best_state = copy.deepcopy(model.module.state_dict())
        elif epoch - best_epoch >= options.patience:
            logging.info("stopped: no better valid NDCG@10 since epoch %d", best_epoch)
            break
    model.module.load_state_dict(best_state)
    return history


def _run_epoch(module, samples, optimizer, batch_size, shuffle, epoch):
    module.train()
    order = torch.randperm(len(samples), generator=shuffle)
    total, learned = 0.0, 0
    for index in order.to(samples.rows.device).split(batch_size):
        if len(index) < 2:
            continue  # one sample has no in-batch negative, and BatchNorm no variance
        optimizer.zero_grad(set_to_none=True)
        loss = module.loss(samples.batch(index))
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(index)
        learned += len(index)
    mean = float(total) / learned
    if not np.isfinite(mean):
        raise FloatingPointError(f"the loss of epoch {epoch} is {mean}; a smaller learning_rate may help")
    return mean


def validation_ndcg(model, queries):
    """Return the mean NDCG@10 of the valid users.

    Its own line rather than `reelrank.metrics`, so that a change of the report's
    metrics does not retrain every model.
    """
    ranks = target_ranks(model, queries)
    return float(np.mean(np.where(ranks <= 10, 1 / np.log2(ranks + 1), 0.0))) if len(ranks) else 0.0


def _sample_of(queries, most, seed):
    if len(queries) <= most:
        return queries
    chosen = np.random.default_rng([seed, len(queries)]).choice(len(queries), most, replace=False)
    return queries[np.sort(chosen)]
