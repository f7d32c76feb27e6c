"""Re-rank base lists by the similarity of each candidate to the user's latest items."""

from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data import load_interactions
from reelrank.features import read_features
from reelrank.lists import read_lists, write_lists
from reelrank.rerank.similarity import cosine_scores, history_texts, mean_of_standardised, mean_profiles
from reelrank.texts import read_texts

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(inputs, outputs, about, features, options, texts, history, threads):
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
    texts : sequence of (str, path)
        Fields of the one feature of ``pooling: concatenate``, and where they are.
    history : {'full', 'train_only'}
    threads : int
    """
    data = load_interactions(inputs["interactions"], inputs["split"])
    matrices = [
        read_features(path, data.n_items, encoder, field)
        for path, (encoder, field, _) in zip(inputs["matrices"], features, strict=True)
    ]
    for part, path in outputs.items():
        base = read_lists(inputs[part])[0].head(about["depth"])
        asked = data.queries(part, history).of(base.users).history
        scores = []
        for (vectors, present), (encoder, _, block) in zip(matrices, features, strict=True):
            if options["pooling"] == "mean":
                profiles = mean_profiles(asked, vectors, present, options["history_length"])
            else:
                profiles = encoded_histories(asked, texts, encoder, block, inputs, options, threads)
            scores.append(cosine_scores(base, profiles, vectors, present))
        scores = scores[0] if len(scores) == 1 else mean_of_standardised(scores, base.present)
        write_lists(base.reordered(scores), path, {**about, "split": part}, base)


def encoded_histories(asked, texts, encoder, block, inputs, options, threads):
    """Return the vector of each user's latest texts as one text."""
    from reelrank.encoders import build_encoder, encode_present  # torch takes seconds to load: only where used
    from reelrank.hardware import make_deterministic

    make_deterministic(threads, seed=0)
    joined = history_texts(asked, read_texts(texts), options["history_length"])
    return encode_present(build_encoder(encoder, block, inputs.get("weights")), joined, "query")[0]


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        dict(snakemake.input.items()) | {"matrices": list(snakemake.input.matrices)},
        dict(snakemake.output.items()),
        dict(snakemake.params.about),
        snakemake.params.features,
        snakemake.params.options,
        list(zip(snakemake.params.texts, snakemake.input.get("texts", []), strict=True)),
        snakemake.params.history,
        snakemake.params.threads,
    )
