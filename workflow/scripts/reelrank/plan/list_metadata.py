"""The metadata of lists, and the config blocks that decide them. No heavy import: Snakemake itself runs this."""

from reelrank import digests
from reelrank.config import complete as settings
from reelrank.config import generative
from reelrank.config.rerankers import reranker_depth, reranker_kind
from reelrank.plan.redrawing import real


class Lists:
    """The metadata of lists.

    Parameters
    ----------
    config : dict
        Completed.
    prompt_of : callable
        Returns the definition of a re-ranker's prompt, or None (`reelrank.plan.asking.Asking.prompt_of`).
    """

    def __init__(self, config, prompt_of):
        self.config, self.prompt_of = config, prompt_of

    def about(self, wildcards):
        """Return the metadata of a re-ranker's lists, with a digest of the config that decides them."""
        return self.about_of(wildcards, wildcards.reranker)

    def about_base(self, wildcards):
        """Return the metadata of base lists."""
        return self.about_of(wildcards, "identity")

    def about_of(self, wildcards, reranker):
        """Return the metadata of the lists of a re-ranker over the base model of `wildcards`."""
        config = self.config
        dataset = config["datasets"][config["dataset"]]
        return {
            "dataset": wildcards.dataset,
            "protocol": wildcards.protocol,
            "base_model": wildcards.base_model,
            "seed": int(wildcards.seed),
            "reranker": reranker,
            "kind": reranker_kind(config, reranker),
            "depth": reranker_depth(config, reranker),
            "config_digest": digests.digest(
                {key: dataset.get(key) for key in ("adapter", "options", "generate")},
                config["protocols"][real(wildcards.protocol)],
                settings.deciding(config["models"][wildcards.base_model]),
                *self._deciding(wildcards.base_model, reranker),
                [config[key] for key in ("candidates", "history", "min_interactions")],
            ),
        }

    def _deciding(self, base_model, reranker):
        """Return the config blocks that decide a re-ranker's lists, including those of its signals."""
        block = self.config["rerankers"][reranker]
        own = [
            settings.deciding(block),
            settings.feature_blocks(self.config, base_model, reranker),
            generative.without_limits(generative.chat_model_of(self.config, reranker)),
            settings.language_model_blocks(self.config, generative.language_model_of(self.config, reranker)),
            self.prompt_of(reranker),
        ]
        return own + [self._deciding(base_model, signal) for signal in block.get("signals", [])]
