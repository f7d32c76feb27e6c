"""Re-rank base lists at random: the control that a re-ranker must beat."""

from typing import TYPE_CHECKING
from zlib import crc32

from reelrank import step
from reelrank.data.lists import read_lists, write_lists
from reelrank.data.tables import SPLITS
from reelrank.rerank.random import random_scores

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(inputs, outputs, about, seed):
    """Shuffle the head of each list (`inputs` and `outputs` by split)."""
    for part, path in outputs.items():
        base = read_lists(inputs[part], about["depth"])[0]
        # Each base model and training seed gets a shuffle of its own, or their rows would share one draw.
        entropy = [seed, SPLITS.index(part), about["seed"], crc32(about["base_model"].encode())]
        scores = random_scores(base.users, base.items.shape[1], entropy)
        write_lists(base.reordered(scores), path, {**about, "split": part}, base)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        dict(snakemake.input.items()),
        dict(snakemake.output.items()),
        dict(snakemake.params.about),
        snakemake.params.seed,
    )
