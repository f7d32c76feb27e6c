"""The texts of items in the block's field; empty for an item without a text."""

from reelrank.data.texts import read_texts


def load(inputs, settings, data):
    """Return one text per item, a list of str."""
    return read_texts(zip(settings["text_fields"], inputs["texts"], strict=True), data.n_items)
