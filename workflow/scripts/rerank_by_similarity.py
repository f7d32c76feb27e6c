"""Re-rank base lists by the similarity of each candidate to the user's latest items."""

from typing import TYPE_CHECKING

from reelrank import step
from reelrank.data import load_interactions
from reelrank.features import read_features
from reelrank.lists import read_lists, write_lists
from reelrank.rerank.similarity import cosine_scores, history_texts, mean_profiles
from reelrank.tables import read_table

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main(inputs, outputs, about, reranker, encoder, history, threads):
    """Re-rank the head of each list (`outputs` by split).

    Parameters
    ----------
    inputs : dict of str to path
        ``valid``, ``test`` (base lists), ``interactions``, ``split``, ``catalogue``, ``matrix``.
    about : dict
    reranker : dict
        ``encoder``, ``field``, ``history_length``, ``pooling``.
    encoder : dict
        The encoder's config block, for ``pooling: concatenate``.
    history : {'full', 'train_only'}
    threads : int
    """
    data = load_interactions(inputs["interactions"], inputs["split"])
    vectors, present = read_features(inputs["matrix"], data.n_items)
    for part, path in outputs.items():
        base = read_lists(inputs[part])[0].head(about["depth"])
        asked = data.queries(part, history).of(base.users).history
        if reranker["pooling"] == "mean":
            profiles = mean_profiles(asked, vectors, present, reranker["history_length"])
        else:
            from reelrank.encoders import build_encoder, encode_present  # torch takes seconds to load: only where used
            from reelrank.hardware import make_deterministic

            make_deterministic(threads, seed=0)
            texts = [text or "" for text in read_table(inputs["catalogue"], "items")[reranker["field"]].to_pylist()]
            joined = history_texts(asked, texts, reranker["history_length"])
            profiles, _ = encode_present(build_encoder(reranker["encoder"], encoder), joined)
        scores = cosine_scores(base, profiles, vectors, present)
        write_lists(base.reordered(scores), path, {**about, "split": part}, base)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        dict(snakemake.input.items()),
        dict(snakemake.output.items()),
        dict(snakemake.params.about),
        snakemake.params.reranker,
        snakemake.params.encoder,
        snakemake.params.history,
        snakemake.params.threads,
    )
