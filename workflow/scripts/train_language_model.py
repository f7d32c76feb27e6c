"""Train a small language model from scratch on training histories written as sequences of titles."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.tables import read_table
from reelrank.hardware import make_deterministic, pick_device
from reelrank.llm.local import pretraining
from reelrank.llm.titles import plain_titles
from reelrank.training.checkpoints import Checkpoint, remove_checkpoints

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(interactions_path, split_path, items_path, folder, block, threads, code=""):
    """Write the folder of the language model that a config block describes; `code` is a digest of what trains."""
    options = {key: value for key, value in block.items() if key != "type"}
    make_deterministic(threads, options["seed"])
    data = load_interactions(interactions_path, split_path)
    titles = plain_titles(read_table(items_path, "items")["title"].to_pylist())
    tokenizer = pretraining.train_tokenizer(titles, options["vocabulary_size"])
    sequences = pretraining.token_sequences(data.training(), titles, tokenizer, options["max_length"])
    logging.info("%d sequences, %d tokens", len(sequences), sum(map(len, sequences)))
    model = pretraining.build_model(tokenizer, options).to(pick_device())
    checkpoint = Checkpoint(folder, pretraining.sequences_digest(options, sequences, code))
    losses = pretraining.train_language_model(sequences, model, options, checkpoint, tokenizer.pad_token_id)
    pretraining.save_language_model(folder, model, tokenizer, options, losses)
    remove_checkpoints(folder)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        snakemake.input.interactions,
        snakemake.input.split,
        snakemake.input.catalogue,
        Path(snakemake.output[0]).parent,
        snakemake.params.model,
        snakemake.params.threads,
        snakemake.params.code,
    )
