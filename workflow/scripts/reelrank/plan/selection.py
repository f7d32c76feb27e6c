"""The base models, seeds, re-rankers and fusions of a run. No heavy import: Snakemake itself runs this."""

from reelrank.config import fusions
from reelrank.config.base_models import needed_models


class Selection:
    """The names that run, grouped by how they are made.

    Attributes
    ----------
    protocols, base_models, rerankers : list of str
        As in the key ``run`` of the config.
    seeds : list of int
    needed : list of str
        The base models, with the parts of unions and the models of re-rankers, which need not be in `base_models`.
    trained, external, united : list of str
        The needed ones that are trained here, those whose lists come from files, and those that interleave the lists
        of others.
    fusions, unfused : list of str
        The re-rankers that are fusions, and the others.
    fusible, unfusible : list of str
        The base models with valid lists, which fusions are fitted on, and those without.
    asked : list of str
        The generative re-rankers.
    """

    def __init__(self, config):
        self.config, run = config, config["run"]
        self.protocols, self.base_models = run["protocols"], run["base_models"]
        self.seeds, self.rerankers = run["seeds"], run["rerankers"]
        self.needed = needed_models(config)
        types = {name: config["models"][name]["type"] for name in self.needed}
        self.external = [name for name in self.needed if types[name] == "external"]
        self.united = [name for name in self.needed if types[name] == "union"]
        self.trained = [name for name in self.needed if name not in [*self.external, *self.united]]
        self.fusions = fusions.fusions(config)
        self.unfused = [name for name in self.rerankers if name not in self.fusions]
        self.fusible = [name for name in self.base_models if fusions.has_valid(config, name)]
        self.unfusible = [name for name in self.base_models if name not in self.fusible]
        self.asked = self.rerankers_of("generative")

    def rerankers_of(self, *types):
        """Return the re-rankers of the run that have one of these types."""
        return [name for name in self.rerankers if self.config["rerankers"][name]["type"] in types]

    def encoders_of(self, *types):
        """Return the encoders of the config that have one of these types."""
        return [name for name, block in self.config["encoders"].items() if block["type"] in types]

    def language_models_of(self, *types):
        """Return the language models of the config that have one of these types."""
        return [name for name, block in self.config["language_models"].items() if block["type"] in types]

    def rerankers_over(self, base_model):
        """Return the re-rankers that run over a base model: no fusion if it has no valid lists."""
        return fusions.rerankers_over(self.config, base_model)
