"""Make the vectors of words of all items: TF-IDF of one text per item, reduced to dense vectors."""

import logging

from threadpoolctl import threadpool_limits

from reelrank import step
from reelrank.data.texts import read_texts
from reelrank.errors import InputError
from reelrank.features.matrices import write_features
from reelrank.features.words import reduced_words, tfidf
from reelrank.files import read_json


def main(texts, matrix, encoder, block, fields, field, threads, width_of=None):
    """Write `matrix` (``{field}.npy``) and its description.

    Parameters
    ----------
    texts : sequence of path
        The tables of the source fields.
    matrix : path
    encoder : str
        The encoder's name.
    block : dict
        The encoder's block.
    fields : sequence of str
        The source fields, which are joined into one text.
    field : str
        The name of the joined field.
    threads : int
    width_of : path, optional
        Description of the matrix whose dimensions are used.
    """
    everything = read_texts(list(zip(fields, texts, strict=True)))
    weights, words = tfidf(everything, block["min_count"])
    if not words:
        raise InputError(
            f"config key encoders.{encoder}.min_count: the field {field!r} has no word in {block['min_count']} items "
            f"or more, of {len(everything)}"
        )
    wanted = read_json(width_of)["dimension"] if width_of else block["dimensions"]
    with threadpool_limits(threads):
        vectors, present = reduced_words(weights, wanted)
    about = {"encoder": encoder, "field": field, "model": "TF-IDF of words, truncated SVD", "revision": None}
    about |= {"source": "words", "words": len(words), "min_count": block["min_count"], "wanted_dimensions": wanted}
    counts = {"texts": int(present.sum()), "empty": int((~present).sum())}
    write_features(matrix, vectors, present, {**about, "counts": counts})
    if vectors.shape[1] < wanted:
        logging.warning("dimension %d instead of %d: no more words or items", vectors.shape[1], wanted)
    logging.info("%d items, %d without a word, %d words", len(vectors), counts["empty"], len(words))


step.run(main, snakemake)
