"""Re-rank base lists by the similarity of each candidate to the user's latest items."""

from functools import partial

from reelrank import step
from reelrank.data.interactions import load_interactions
from reelrank.data.lists import read_lists, write_lists
from reelrank.data.texts import read_texts
from reelrank.features.matrices import read_features
from reelrank.rerank.similarity import USERS_TOGETHER, history_texts, mean_profiles, similarity_scores
from reelrank.sharding import shard_metadata, shard_range


def main(inputs, outputs, about, features, options, fields, history, threads, shard=(1, 1)):
    """Re-rank the head of each list (`outputs` by split).

    Parameters
    ----------
    inputs : dict of str to path
        ``valid``, ``test`` (base lists), ``interactions``, ``split``, ``matrices`` (one per feature).
    about : dict
    features : sequence of (str, str, dict)
        Encoder, field and the encoder's config block.
    options : dict
        ``history_length``, ``pooling``.
    fields : sequence of str
        Fields of the one feature of ``pooling: concatenate``; ``texts`` of the inputs are where they are.
    history : {'full', 'train_only'}
    threads : int
    shard : (int, int)
        The number of the shard, from 1, and how many there are.
    """
    texts = list(zip(fields, inputs.get("texts", []), strict=True))
    data = load_interactions(inputs["interactions"], inputs["split"])
    matrices = [
        read_features(path, data.n_items, encoder, field)
        for path, (encoder, field, _) in zip(inputs["matrices"], features, strict=True)
    ]
    profiles = (
        partial(mean_profiles, length=options["history_length"])
        if options["pooling"] == "mean"
        else encoded_histories(features[0], texts, inputs.get("weights"), options["history_length"], threads)
    )
    for split, path in outputs.items():
        everyone = read_lists(inputs[split], about["depth"])[0]
        rows = shard_range(len(everyone.users), *shard, USERS_TOGETHER)
        base = everyone.of_rows(slice(*rows))
        queries = data.queries(split, history)
        scores = similarity_scores(base, queries, profiles, matrices)
        metadata = {**about, "split": split, **shard_metadata(shard, rows, len(everyone.users))}
        write_lists(base.reordered(scores), path, metadata, base)


def encoded_histories(feature, texts, weights, length, threads):
    """Return the function that encodes each user's latest texts as one text."""
    from reelrank.features.encoders import build_encoder, encode_present  # torch takes seconds to load: only where used
    from reelrank.hardware import make_deterministic

    make_deterministic(threads, seed=0)
    encoder, texts = build_encoder(feature[0], feature[2], weights), read_texts(texts)
    return lambda asked, *_: encode_present(encoder, history_texts(asked, texts, length), "query")[0]


step.run(main, snakemake)
