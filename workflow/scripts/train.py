"""Train one base model with one seed."""

import logging
import time
from pathlib import Path

import pandas as pd
import pyarrow as pa

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.tables import SCHEMAS, write_table
from reelrank.features.matrices import read_features
from reelrank.hardware import make_deterministic, pick_device, set_threads_and_seed
from reelrank.models import item_feature, model_class
from reelrank.training.checkpoints import remove_checkpoints


def main(interactions, split, outputs, block, seed, threads, features=(), code="", deterministic=True):
    """Train the model of a config block; write its weights and ``training.parquet`` (`outputs` by name).

    `features` has the matrix of item features, if the model reads one; `code` is a digest of the training code.
    """
    seed = int(seed)
    (make_deterministic if deterministic else set_threads_and_seed)(threads, seed)
    data = load_interactions(interactions, split)
    options = {key: value for key, value in block.items() if key != "type"}
    model = model_class(block["type"])(options, data.n_users, data.n_items, pick_device())
    matrix = None
    if features:
        matrix, _ = read_features(*features, data.n_items, *item_feature(options))
    folder = Path(outputs["weights"]).parent
    started = time.monotonic()
    epochs = model.fit(data, seed, folder, matrix, code)
    logging.info("trained in %.1f s", time.monotonic() - started)
    model.save(folder)
    epochs = pd.DataFrame(epochs, columns=SCHEMAS["training"].names)
    write_table(
        pa.Table.from_pandas(epochs, SCHEMAS["training"], preserve_index=False), "training", outputs["training"]
    )
    remove_checkpoints(folder)


step.run(main, snakemake)
