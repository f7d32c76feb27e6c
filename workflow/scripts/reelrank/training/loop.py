"""The training loop: shuffled batches, early stopping by valid NDCG@10, best weights kept, resumable."""

import copy
import logging
import math
import time
from dataclasses import dataclass, field

import numpy as np
import torch

from reelrank.data.interactions import some_rows
from reelrank.errors import InputError
from reelrank.hardware import gpu_arithmetic, mixed_precision
from reelrank.metrics.ranking import ndcg
from reelrank.progress import Progress
from reelrank.training.checkpoints import Checkpoint, random_state, set_random_state
from reelrank.training.topk import target_ranks

#: Valid users are scored by NDCG at this rank.
VALIDATED_AT = 10


@dataclass
class TrainingState:
    """The progress of a training.

    Attributes
    ----------
    history : list of dict
        One row per epoch.
    best_state : dict
        The module's state after the best epoch.
    """

    history: list = field(default_factory=list)
    best_state: dict | None = None

    @property
    def best_epoch(self):
        """The first epoch, from 1, with the highest valid NDCG@10."""
        return 1 + int(np.argmax([row["valid_ndcg"] for row in self.history]))

    def add(self, loss, ndcg, module):
        """Record an epoch and keep the weights if it is the best."""
        self.history.append({"epoch": len(self.history) + 1, "loss": loss, "valid_ndcg": ndcg})
        if self.best_epoch == len(self.history):
            self.best_state = copy.deepcopy(module.state_dict())

    def is_over(self, options):
        """Return whether training is over: the last epoch is done, or patience is used up."""
        done = len(self.history)
        if done and done < options["epochs"] and done - self.best_epoch >= options["patience"]:
            logging.info("stopped early: the best valid NDCG@10 was at epoch %d", self.best_epoch)
            return True
        return done >= options["epochs"]


def train(model, samples, queries, options, seed, checkpoint=None):
    """Train `model` in place; it ends with its best weights.

    A killed training continues after its last complete epoch and ends with the same weights
    as an uninterrupted one. If the loss is not finite, training ends with the best weights
    so far.

    Parameters
    ----------
    model : reelrank.models.NeuralRecommender
        Has ``module`` (with ``loss(batch)``), ``parameter_groups`` and ``score``.
    samples : object with ``len``, ``rows``, ``smallest_batch`` and ``batch(index)``
        See `reelrank.training.samples.PrefixSamples`. An epoch skips a last batch that is smaller
        than ``smallest_batch``. If there is a method ``redraw(generator)``, it is called before
        each epoch.
    queries : reelrank.data.interactions.Queries
        The valid users.
    options : dict
        Complete options of the model; ``.training`` in models.schema.yaml lists the options of every trained model.
    seed : int
        Seed of the shuffling and of the sample of valid users.
    checkpoint : reelrank.training.checkpoints.Checkpoint, optional
        Where the progress is saved. The checkpoint remains after training: the caller removes it
        once the weights are written.

    Returns
    -------
    list of dict
        One row per epoch: epoch, loss (mean over the training samples), valid_ndcg.

    Raises
    ------
    InputError
        If there are fewer samples than the smallest batch, if the loss of the first epoch is not finite,
        or if the checkpoint belongs to another training or does not fit the module.
    """
    if len(samples) < samples.smallest_batch:
        raise InputError(
            f"found {len(samples)} training samples; expected {samples.smallest_batch} or more; the users' histories "
            "are too short"
        )
    checkpoint = checkpoint or Checkpoint(None, "")
    queries = queries[some_rows(len(queries), options["validation_users"], seed)]
    optimizer = torch.optim.AdamW(
        model.parameter_groups(), lr=options["learning_rate"], weight_decay=options["weight_decay"], fused=True
    )  # fused: one pass over each table of embeddings instead of five
    shuffle = torch.Generator().manual_seed(seed)
    training = _resume(checkpoint, model.module, optimizer, shuffle)
    with Progress("training") as progress:
        while not training.is_over(options):
            started, epoch = time.monotonic(), len(training.history) + 1
            progress.begin(f"epoch {epoch}/{options['epochs']}", len(samples), "samples")
            with gpu_arithmetic(options["precision"]):
                loss = _run_epoch(model.module, samples, optimizer, options, shuffle, progress)
            progress.begin(f"epoch {epoch}, valid users")
            ndcg = _run_validation(model, queries) if math.isfinite(loss) else math.nan
            if math.isnan(ndcg):
                _report_divergence(epoch, loss, training)
                break
            training.add(loss, ndcg, model.module)
            checkpoint.save(_state(training, model.module, optimizer, shuffle))
            seconds = time.monotonic() - started
            logging.info(
                "epoch %d/%d: loss %.4f, valid NDCG@10 %.5f, %.1f s", epoch, options["epochs"], loss, ndcg, seconds
            )
    model.module.load_state_dict(training.best_state)
    model.module.eval()
    return training.history


def _run_epoch(module, samples, optimizer, options, shuffle, progress):
    """Take one step per batch; return the mean loss, which may be infinite or NaN."""
    module.train()
    if hasattr(samples, "redraw"):
        samples.redraw(shuffle)
    device = samples.rows.device
    total, learned = 0.0, 0
    for index in torch.randperm(len(samples), generator=shuffle).to(device).split(options["batch_size"]):
        if len(index) < samples.smallest_batch:
            continue
        optimizer.zero_grad(set_to_none=True)
        with mixed_precision(options["precision"], device):
            loss = module.loss(samples.batch(index))
        loss.backward()
        optimizer.step()
        total += loss.detach() * len(index)
        learned += len(index)
        progress.advance(len(index))
    module.eval()
    return float(total) / learned


def _run_validation(model, queries):
    """Return the valid NDCG@10, or NaN if the scores are not finite because the last step broke the weights."""
    try:
        return validation_ndcg(model, queries)
    except FloatingPointError:
        return math.nan


def _report_divergence(epoch, loss, training):
    """Log that loss or scores are not finite; raise `InputError` if no earlier epoch has good weights."""
    what = "the scores are nan" if math.isfinite(loss) else f"the loss is {loss}"
    found = f"epoch {epoch}: {what}; try a smaller learning_rate"
    if not training.history:
        raise InputError(found)
    logging.error("%s", found)
    logging.warning("training ends with the weights of epoch %d", training.best_epoch)


def _state(training, module, optimizer, shuffle):
    """Return everything that the next epoch depends on."""
    return {
        "history": training.history,
        "best_state": dict(training.best_state),
        "module": dict(module.state_dict()),
        "optimizer": optimizer.state_dict(),
        "random": random_state(shuffle, next(module.parameters()).device),
    }


def _resume(checkpoint, module, optimizer, shuffle):
    """Return the training state, restored from the checkpoint if there is one."""
    state = checkpoint.load()
    if state is None:
        return TrainingState()
    try:
        module.load_state_dict(state["best_state"])
        module.load_state_dict(state["module"])
        optimizer.load_state_dict(state["optimizer"])
        set_random_state(state["random"], shuffle, next(module.parameters()).device)
        training = TrainingState(state["history"], state["best_state"])
        logging.info("%s: continued after epoch %d", checkpoint.path, len(training.history))
    except (RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise checkpoint.unfit(error) from None
    return training


def validation_ndcg(model, queries):
    """Return the mean NDCG@10 of the valid users."""
    ranks = target_ranks(model, queries)
    return float(np.mean(ndcg(ranks, VALIDATED_AT))) if len(ranks) else 0.0
