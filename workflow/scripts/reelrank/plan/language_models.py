"""The files of the language models that run in process. No heavy import: Snakemake itself runs this."""

from pathlib import Path

from reelrank.config.generative import load_prompt
from reelrank.plan.features import given_files
from reelrank.plan.paths import fill
from reelrank.plan.redrawing import learned_under

#: The files that training writes to the folder of a language model, by type and by name in the rule.
FILES = {
    "scratch": {
        "config": "config.json",
        "generation_config": "generation_config.json",
        "weights": "model.safetensors",
        "tokenizer": "tokenizer.json",
        "tokenizer_config": "tokenizer_config.json",
        "about": "language_model.json",
    },
    "lora": {
        "config": "adapter_config.json",
        "weights": "adapter_model.safetensors",
        "about": "language_model.json",
    },
}


class LanguageModels:
    """The files of the language models of the config.

    Parameters
    ----------
    config : dict
        Completed.
    paths : reelrank.plan.paths.Paths
    selection : reelrank.plan.selection.Selection
    folder : Path
        The folder ``config/``, with the prompts.
    """

    def __init__(self, config, paths, selection, folder):
        self.config, self.paths, self.folder = config, paths, folder
        self.trained = selection.language_models_of("scratch")
        self.tuned = selection.language_models_of("lora")

    def made(self, kind):
        """Return the patterns of the files that training writes for a type of language model, by name."""
        return {name: f"{self.paths.language_model}/{file}" for name, file in FILES[kind].items()}

    def files(self, wildcards, name):
        """Return the files of a language model: trained here, of its base, or of a given folder."""
        block = self.config["language_models"][name]
        if block["type"] not in FILES:
            return given_files(block)
        own = f"{self._folder(wildcards, name)}/{FILES[block['type']]['weights']}"
        return [own, *self.files(wildcards, block["base"])] if block["type"] == "lora" else [own]

    def source(self, wildcards, name):
        """Return what a job loads for a language model: folders made here, or the names in its block."""
        block = self.config["language_models"][name]
        if block["type"] == "lora":
            return {**self.source(wildcards, block["base"]), "adapter": self._folder(wildcards, name)}
        if block["type"] == "scratch":
            return {"model": self._folder(wildcards, name)}
        return {key: value for key, value in block.items() if key != "type"}

    def _folder(self, wildcards, name):
        protocol = learned_under(self.config, wildcards.protocol)
        return fill(self.paths.language_model, wildcards, protocol=protocol, language_model=name)

    def block(self, wildcards):
        """Return the block of the language model that a rule makes."""
        return self.config["language_models"][wildcards.language_model]

    def base_files(self, wildcards):
        """Return the files of the base that is fine-tuned."""
        return self.files(wildcards, self.block(wildcards)["base"])

    def base_source(self, wildcards):
        """Return what a job loads for the base that is fine-tuned."""
        return self.source(wildcards, self.block(wildcards)["base"])

    def prompt(self, wildcards):
        """Return the definition of the prompt that a language model is fine-tuned to answer; None without one."""
        name = self.block(wildcards)["prompt"]
        return load_prompt(Path(self.folder), name) if name else None
