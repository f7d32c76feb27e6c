"""Inputs and params of fusions. No heavy import: Snakemake itself runs this."""

from reelrank.config import fields
from reelrank.config.fusions import fusion_options
from reelrank.plan.paths import PREDICTED, fill


class Fusing:
    """The fusions of the run; one job makes all of them over a base list.

    Parameters
    ----------
    config : dict
        Completed.
    paths : reelrank.plan.paths.Paths
    selection : reelrank.plan.selection.Selection
    features : reelrank.plan.features.Features
    lists : reelrank.plan.list_metadata.Lists

    Attributes
    ----------
    base_models : list of str
        The base models that have fusions.
    signals : list of str
        The re-rankers that at least one fusion uses as a signal.
    similarities : list of (str, str)
        The features (encoder and field) that at least one fusion computes similarities with.
    words : dict of str to list of str
        The text fields whose words at least one fusion reads itself, and their source fields.
    """

    def __init__(self, config, paths, selection, features, lists):
        self.config, self.paths, self.features, self.lists = config, paths, features, lists
        self.fusions = selection.fusions
        self.base_models = selection.fusible if selection.fusions else []
        blocks = [config["rerankers"][name] for name in self.fusions]
        self.signals = list(dict.fromkeys(signal for block in blocks for signal in block["signals"]))
        used = [feature for name in self.fusions for feature in fields.features_of(config, name, "rerankers")]
        self.similarities = list(dict.fromkeys(used))
        read = [field for name in self.fusions for field in fields.words_of(config, name)]
        self.words = {field: fields.source_fields(config, field) for field in dict.fromkeys(read)}

    def signal_lists(self, wildcards):
        """Return the lists of the signals, by split."""
        return {
            f"signals_{split}": [fill(self.paths.lists, wildcards, reranker=name, split=split) for name in self.signals]
            for split in PREDICTED
        }

    def matrices(self, wildcards):
        """Return the matrices of `similarities`, in the same order."""
        return [self.features.path(wildcards, *feature) for feature in self.similarities]

    def texts(self, wildcards):
        """Return the tables with the texts of `words`: one for each source field, in the same order."""
        return [path for field in self.words for path in self.features.texts_of(wildcards, field)]

    def blocks(self, wildcards):
        """Return the settings that decide each fusion, without its inputs."""
        return {name: self._block(wildcards, name) for name in self.fusions}

    def _block(self, wildcards, name):
        block = self.config["rerankers"][name]
        return {
            "type": block["type"],
            "signals": block["signals"],
            "options": fusion_options(block),
            "twin_of": block.get("twin_of"),
            "about": self.lists.about_of(wildcards, name),
        }
