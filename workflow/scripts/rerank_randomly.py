"""Re-rank base lists at random: the control that a re-ranker must beat."""

from zlib import crc32

from reelrank import step
from reelrank.data.lists import read_lists, write_lists
from reelrank.data.tables import SPLITS
from reelrank.rerank.random import random_scores


def main(inputs, outputs, about, shuffle_seed):
    """Shuffle the head of each list (`inputs` and `outputs` by split)."""
    for split, path in outputs.items():
        base = read_lists(inputs[split], about["depth"])[0]
        # Each base model and training seed gets a shuffle of its own, or their rows would share one draw.
        entropy = [shuffle_seed, SPLITS.index(split), about["seed"], crc32(about["base_model"].encode())]
        scores = random_scores(base.users, base.items.shape[1], entropy)
        write_lists(base.reordered(scores), path, {**about, "split": split}, base)


step.run(main, snakemake)
