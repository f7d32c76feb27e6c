"""Inputs and params of the rule ``rerank``, by the words under ``needs`` in a type's schema entry.

No heavy import: Snakemake itself runs this.
"""

from reelrank.config import fields
from reelrank.config.schema import entry
from reelrank.plan.paths import by_split, fill
from reelrank.plan.redrawing import learned_under

#: Needs that load a model into the job, which then takes longer than seconds.
MODELS = ("encoder", "language_model")


class Reranking:
    """The re-rankers that are made by the files of ``reelrank/rerank``.

    Parameters
    ----------
    config : dict
        Completed.
    paths : reelrank.plan.paths.Paths
    selection : reelrank.plan.selection.Selection
    features : reelrank.plan.features.Features
    language_models : reelrank.plan.language_models.LanguageModels

    Attributes
    ----------
    light, heavy : list of str
        The re-rankers of the run without and with a model in the job. The heavy ones ask for a GPU and are made in
        shards.
    """

    def __init__(self, config, paths, selection, features, language_models):
        self.config, self.paths = config, paths
        self.features, self.language_models = features, language_models
        own = [name for name in selection.rerankers if self._entry(name)["made_by"] == "rerank"]
        self.heavy = [name for name in own if self.is_heavy(name)]
        self.light = [name for name in own if name not in self.heavy]

    def _entry(self, name):
        return entry("rerankers", self.config["rerankers"][name]["type"])

    def needs_of(self, name):
        """Return the needs of a re-ranker: names of files of ``reelrank/rerank/material`` that its step loads."""
        block, own = self.config["rerankers"][name], self._entry(name)
        wanted = list(own["needs"])
        for when in own.get("needs_when", ()):
            if all(block.get(key) == value for key, value in when.items() if key != "needs"):
                wanted += when["needs"]
        return wanted

    def is_heavy(self, name):
        """Return whether a re-ranker runs a model in its own job, not at a service."""
        needs = self.needs_of(name)
        if self._entry(name).get("gpu") or "language_model" in needs:
            return True
        hosted = [encoder for encoder, _ in self._features(name) if self._hosted(encoder)]
        return "encoder" in needs and not hosted

    def _hosted(self, encoder):
        return self.config["encoders"][encoder]["type"] in fields.HOSTED_ENCODERS

    def _features(self, name):
        return fields.features_of(self.config, name, "rerankers")

    def needs(self, wildcards):
        """Return the needs of a re-ranker."""
        return self.needs_of(wildcards.reranker)

    def inputs(self, wildcards):
        """Return the input files of a re-ranker, by name."""
        name = wildcards.reranker
        block, needs = self.config["rerankers"][name], self.needs_of(name)
        files = {split: fill(path, wildcards) for split, path in by_split(self.paths.base_lists).items()}
        files |= {"interactions": fill(self.paths.interactions, wildcards), "split": fill(self.paths.split, wildcards)}
        if "vectors" in needs:
            files["matrices"] = self.features.of_reranker(wildcards)
        if "texts" in needs:
            files["texts"] = self.features.texts_of(wildcards, self._text_field(name))
        if "encoder" in needs:
            files["encoder_weights"] = self.features.weights_of(wildcards, self._features(name)[0][0])
        if "language_model" in needs:
            files["weights"] = self.language_models.files(wildcards, block["language_model"])
        if "base_model" in needs:
            files |= self._model_files(wildcards, block["base_model"])
        return files

    def _model_files(self, wildcards, base_model):
        """Return the files of a base model that was trained with the seed of the base list."""
        chosen = {"protocol": learned_under(self.config, wildcards.protocol), "base_model": base_model}
        paths = {"model": self.paths.model_weights, "model_description": self.paths.model_description}
        return {name: fill(path, wildcards, **chosen) for name, path in paths.items()}

    def settings(self, wildcards):
        """Return the description of the inputs that `reelrank.rerank.material.load_material` takes."""
        name = wildcards.reranker
        block, needs = self.config["rerankers"][name], self.needs_of(name)
        settings = {"threads": self.config["threads"]}
        if {"vectors", "encoder"} & set(needs):
            settings["features"] = self.features.blocks_of_reranker(wildcards)
        if "texts" in needs:
            settings["text_fields"] = fields.source_fields(self.config, self._text_field(name))
        if "language_model" in needs:
            settings["language_model"] = block["language_model"]
            settings["source"] = self.language_models.source(wildcards, block["language_model"])
        return settings

    def block(self, wildcards):
        """Return the complete block of a re-ranker."""
        return self.config["rerankers"][wildcards.reranker]

    def _text_field(self, name):
        """Return the field whose texts a re-ranker reads: from its first feature or its block, else ``title``."""
        features = self._features(name)
        return features[0][1] if features else self.config["rerankers"][name].get("field", "title")

    def loaded(self, name):
        """Return the files below ``workflow/scripts`` that the step loads by name: its type's and its needs'."""
        needs = self.needs_of(name)
        files = [f"reelrank/rerank/{self.config['rerankers'][name]['type']}.py"]
        files += [f"reelrank/rerank/material/{need}.py" for need in needs]
        if "base_model" in needs:
            own = self.config["rerankers"][name]["base_model"]
            files.append(f"reelrank/models/{self.config['models'][own]['type']}.py")
        if "encoder" in needs:
            kind = self.config["encoders"][self._features(name)[0][0]]["type"]
            files.append(f"reelrank/features/encoders/{kind}.py")
        return files
