"""Words that describe pictures, for prompts and text encoders."""

import re
from collections import Counter

import numpy as np

#: A word has three letters or more.
_WORD = re.compile(r"[^\W\d_]{3,}")

#: Words that describe no picture.
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "about after again all also and any are because been before but can did does for from get got had has have "
        "her here him his how into its just like more most much never not now off one only other our out over she "
        "some such than that the their them then there these they this too until very was way were what when where "
        "which who why will with without you your",
    )
)

#: Separates the words of a text.
SEPARATOR = ", "


def vocabulary(texts, size, min_count):
    """Return the words that occur in most texts, most frequent first (ties in alphabetical order).

    Parameters
    ----------
    texts : iterable of str
        Titles of training items.
    size : int
        Maximum number of words.
    min_count : int
        Minimum number of texts with the word.
    """
    counts = Counter()
    for text in texts:
        counts.update(set(_WORD.findall(text.casefold())) - STOP_WORDS)
    often = [(word, count) for word, count in counts.items() if count >= min_count]
    return [word for word, _ in sorted(often, key=lambda pair: (-pair[1], pair[0]))[:size]]


def describe(encoder, vectors, present, in_training, words, length):
    """Return a text for the picture of each item. A caption model would replace this function.

    The text lists the words nearest to the picture under CLIP. The mean cosine of a word with the training items'
    pictures is subtracted first; without this, words that are near to every picture would be in every text.

    Parameters
    ----------
    encoder : object
        Has ``encode(texts) -> (n_words, dimension)``, unit rows, in the space of `vectors`.
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32 picture vectors.
    present, in_training : numpy.ndarray
        ``(n_items,)`` bool.
    words : sequence of str
    length : int
        Words per text.

    Returns
    -------
    list of str
        Nearest word first; empty for an item without a picture.
    """
    if not words:
        return [""] * len(vectors)
    similarity = vectors @ encoder.encode(list(words)).T
    usual = similarity[present & in_training]
    if len(usual):
        similarity = similarity - usual.mean(0)
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :length]
    return [
        SEPARATOR.join(words[index] for index in row) if there else ""
        for row, there in zip(nearest, present, strict=True)
    ]
