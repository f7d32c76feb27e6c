"""Pictures as words, for prompts and for text encoders that see none."""

import re
from collections import Counter

import numpy as np

#: What counts as a word: three letters or more.
_WORD = re.compile(r"[^\W\d_]{3,}")

#: Words that name nothing.
STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        "about after again all also and any are because been before but can did does for from get got had has have "
        "her here him his how into its just like more most much never not now off one only other our out over she "
        "some such than that the their them then there these they this too until very was way were what when where "
        "which who why will with without you your",
    )
)

#: Between words.
SEPARATOR = ", "


def vocabulary(texts, size, min_count):
    """Return the words that most texts hold, most frequent first (ties in alphabetical order).

    Parameters
    ----------
    texts : iterable of str
        Titles of training items.
    size : int
        Words at most.
    min_count : int
        Texts that must hold a word.
    """
    counts = Counter()
    for text in texts:
        counts.update(set(_WORD.findall(text.casefold())) - STOP_WORDS)
    often = [(word, count) for word, count in counts.items() if count >= min_count]
    return [word for word, _ in sorted(often, key=lambda pair: (-pair[1], pair[0]))[:size]]


def describe(encoder, vectors, present, in_training, words, length):
    """Return a text for the picture of each item: the place where a caption model would plug in.

    Here the nearest words of the vocabulary under CLIP. A word's mean cosine with the training items' pictures
    is taken off first, so that words which are near to every picture do not stand everywhere.

    Parameters
    ----------
    encoder : object
        With ``encode(texts) -> (n_words, dimension)``, unit rows, in the space of `vectors`.
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32 of the pictures.
    present, in_training : numpy.ndarray
        ``(n_items,)`` bool.
    words : sequence of str
    length : int
        Words of a text.

    Returns
    -------
    list of str
        Nearest word first; empty where there is no picture.
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
