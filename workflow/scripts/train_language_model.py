"""Train a small language model from scratch on training histories, written as sequences of titles."""

import logging
from pathlib import Path

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.tables import read_table
from reelrank.hardware import make_deterministic, pick_device
from reelrank.llm.local import pretraining
from reelrank.llm.titles import plain_titles
from reelrank.training.checkpoints import Checkpoint, remove_checkpoints


def main(interactions, split, catalogue, outputs, block, threads, code=""):
    """Write the language model that a config block describes (`outputs` by name, all in one folder).

    `code` is a digest of the training code.
    """
    folder = Path(outputs["weights"]).parent
    options = {key: value for key, value in block.items() if key != "type"}
    make_deterministic(threads, options["seed"])
    data = load_interactions(interactions, split)
    titles = plain_titles(read_table(catalogue, "items")["title"].to_pylist())
    tokenizer = pretraining.train_tokenizer(titles, options["vocabulary_size"])
    sequences = pretraining.token_sequences(data.training(), titles, tokenizer, options["max_length"])
    logging.info("%d sequences, %d tokens", len(sequences), sum(map(len, sequences)))
    model = pretraining.build_model(tokenizer, options).to(pick_device())
    checkpoint = Checkpoint(folder, pretraining.sequences_digest(options, sequences, code))
    losses = pretraining.train_language_model(sequences, model, options, checkpoint, tokenizer.pad_token_id)
    pretraining.save_language_model(folder, model, tokenizer, options, losses)
    remove_checkpoints(folder)


step.run(main, snakemake)
