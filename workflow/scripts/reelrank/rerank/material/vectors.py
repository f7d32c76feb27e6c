"""The vectors of items: one matrix for each feature of the block."""

from reelrank.features.matrices import read_features


def load(inputs, settings, data):
    """Return a list of ``(vectors, present)``, as `reelrank.features.matrices.read_features` returns them."""
    return [
        read_features(path, data.n_items, encoder, field)
        for path, (encoder, field, _) in zip(inputs["matrices"], settings["features"], strict=True)
    ]
