"""Search the settings of one base model: each trial trains it, and is judged on valid."""

import logging
from pathlib import Path

import torch

from reelrank import step
from reelrank.data.interactions import load_interactions, some_rows
from reelrank.errors import InputError
from reelrank.features.matrices import read_features
from reelrank.files import write_json
from reelrank.hardware import make_deterministic, pick_device, set_threads_and_seed
from reelrank.models import item_feature, model_class
from reelrank.training.checkpoints import remove_checkpoints, training_digest
from reelrank.training.loop import validation_ndcg
from reelrank.training.trials import Trials, search

#: What fails one trial, such as a loss that is not finite or a model that does not fit into memory.
FAILURES = (InputError, FloatingPointError, MemoryError, torch.OutOfMemoryError, torch.linalg.LinAlgError)


def main(interactions, split, outputs, block, search_settings, threads, features=(), code="", deterministic=True):
    """Write ``trials.json``; every finished trial is in a file beside it.

    Parameters
    ----------
    interactions, split : path
    outputs : dict of str to path
        ``trials``.
    block : dict
        The complete block of the model.
    search_settings : dict
        ``ranges``, ``shipped``, ``trials``, ``seed``, ``validation_users``: see `plan.search.Search.of_model`.
    threads : int
    features : sequence of path
        The matrix of item features, if the model reads one.
    code : str
        Digest of the code.
    deterministic : bool
    """
    wanted, folder = search_settings, Path(outputs["trials"]).parent
    start = make_deterministic if deterministic else set_threads_and_seed
    start(threads, wanted["seed"])
    data = load_interactions(interactions, split).without_test()
    users = data.queries("valid")
    users = users[some_rows(len(users), wanted["validation_users"], wanted["seed"])]
    fixed = {key: value for key, value in block.items() if key != "type" and key not in wanted["ranges"]}
    matrix = None
    if features:
        matrix, _ = read_features(*features, data.n_items, *item_feature(block))

    def value_of(options):
        """Return the NDCG@10 on valid of a model that is trained with some settings."""
        start(threads, wanted["seed"])
        device = pick_device()
        model = model_class(block["type"])({**fixed, **options}, data.n_users, data.n_items, device)
        model.fit(data, wanted["seed"], folder, matrix, code)
        found = validation_ndcg(model, users)
        remove_checkpoints(folder)
        return found

    about = {**fixed, "judged on": wanted["validation_users"], "deterministic": deterministic}
    digest = training_digest(block["type"], about, wanted["seed"], data, matrix, code)
    kept = Trials(folder, digest)
    limits = {key: wanted[key] for key in ("shipped", "ranges", "trials", "seed")}
    rows = search(value_of, **limits, kept=kept, failures=FAILURES)
    write_json(outputs["trials"], {"users": len(users), "seed": wanted["seed"], "trials": rows})
    logging.info("%d trials on %d valid users", len(rows), len(users))


step.run(main, snakemake)
