"""Join the shards of a feature."""

from reelrank import step
from reelrank.features.matrices import centred, gather_shards, write_features


def main(shards, matrix, encoder, field, block):
    """Write `matrix` (``{field}.npy``) and its description from the files `shards`.

    Vectors are centred here (key ``centre`` of the encoder's `block`), where the mean of all items is known.
    """
    vectors, present, about = gather_shards(shards, encoder, field)
    if block.get("centre"):
        vectors, present = centred(vectors, present)
        about["centred"] = True
    write_features(matrix, vectors, present, about)


step.run(main, snakemake)
