"""Train a CLIP on the covers and titles of training items."""

import logging
import time

import numpy as np
import safetensors.torch

from reelrank import step
from reelrank.data.tables import read_table
from reelrank.datasets.images import list_images
from reelrank.errors import InputError
from reelrank.features.clip import Clip, build, preprocessing_of
from reelrank.features.clip_training import enlarged, load_pairs, retrieval, split_pairs, train
from reelrank.files import write_by, write_json
from reelrank.hardware import make_deterministic, pick_device


def main(inputs, outputs, encoder, options, threads):
    """Write ``weights`` and ``report`` (`outputs` by name).

    Parameters
    ----------
    inputs : dict of str to path
        ``catalogue``, ``item_statistics`` and ``folder`` (covers).
    outputs : dict of str to path
    encoder : str
        The encoder's name.
    options : dict
        The encoder's block.
    threads : int
    """
    make_deterministic(threads, options["seed"])
    rng = np.random.default_rng(options["seed"])
    catalogue = read_table(inputs["catalogue"], "items").select(["item_id", "title"]).to_pydict()
    in_training = read_table(inputs["item_statistics"], "item_statistics")["popularity"].to_numpy() > 0
    files = list_images(inputs["folder"])
    paths = [files.get(int(item_id), []) for item_id in catalogue["item_id"]]
    model, tokenizer = build(encoder, options["architecture"], options["pretrained"])
    wanted, device = preprocessing_of(model), pick_device()
    rows, pixels = load_pairs(paths, catalogue["title"], enlarged(wanted), threads)
    held_out = split_pairs(rows, in_training, options["held_out"], rng)
    trained_on, rows_out = rows[~held_out], rows[held_out]
    if len(trained_on) < 2 or not len(rows_out):
        raise InputError(
            f"config key encoders.{encoder}: found {len(trained_on)} training pairs of cover and title and "
            f"{len(rows_out)} held-out pairs; expected at least 2 training pairs and 1 held-out pair"
        )
    titles = np.array(catalogue["title"], object)
    started = time.monotonic()
    losses = train(model, tokenizer, pixels[~held_out], titles[trained_on].tolist(), options, rng, device)
    logging.info("trained on %d pairs in %.1f s", len(trained_on), time.monotonic() - started)
    arrays = {key: value.contiguous().cpu() for key, value in model.state_dict().items()}
    write_by(lambda path: safetensors.torch.save_file(arrays, path), outputs["weights"])
    _, pixels = load_pairs([paths[row] for row in rows_out], titles[rows_out].tolist(), wanted, threads)
    scores = retrieval(Clip(model, tokenizer, device), pixels, titles[rows_out].tolist())
    parameters = sum(weight.numel() for weight in model.parameters())
    about = {"encoder": encoder, "parameters": parameters, "training_pairs": len(trained_on), "held_out": scores}
    write_json(outputs["report"], {**about, "loss": [round(loss, 6) for loss in losses]})
    logging.info("held out: %s", scores)


step.run(main, snakemake)
