"""The plan of a run: the inputs, outputs and params of the rules for a config. Snakemake itself runs this."""

from pathlib import Path

from reelrank.config.fields import field_names
from reelrank.plan.asking import Asking
from reelrank.plan.audit import Audit
from reelrank.plan.code import Code
from reelrank.plan.features import Features
from reelrank.plan.fusing import Fusing
from reelrank.plan.language_models import LanguageModels
from reelrank.plan.list_metadata import Lists
from reelrank.plan.paths import Paths, by_split, fill, one_of
from reelrank.plan.raw_files import RawFiles
from reelrank.plan.redrawing import learned_under, real
from reelrank.plan.report import Report
from reelrank.plan.reranking import Reranking
from reelrank.plan.search import Search
from reelrank.plan.selection import Selection
from reelrank.plan.user_shards import UserShards


class Plan:
    """Everything that the rules ask for. Each attribute covers one topic.

    Parameters
    ----------
    config : dict
        Completed (`reelrank.config.complete`).
    repository : str or Path
        The folder of the Snakefile.

    Attributes
    ----------
    paths : reelrank.plan.paths.Paths
        The path of every file.
    selection : reelrank.plan.selection.Selection
        The names that run.
    raw, features, language_models, asking, lists, fusing, search, reranking, shards, audit, report,
    code
        The topics, one file of this folder each.

    Raises
    ------
    InputError
        If a published file is missing from the place that the config names.
    """

    def __init__(self, config, repository):
        self.config, repository = config, Path(repository)
        folder = repository / "config"
        self.paths = Paths(config["run"].get("name"))
        self.selection = Selection(config)
        self.raw = RawFiles(config)
        self.features = Features(config, self.paths, self.selection)
        self.language_models = LanguageModels(config, self.paths, self.selection, folder)
        self.asking = Asking(config, self.paths, self.selection, self.language_models, folder)
        self.lists = Lists(config, self.asking.prompt_of)
        self.fusing = Fusing(config, self.paths, self.selection, self.features, self.lists)
        self.search = Search(config, self.paths, self.selection, self.features)
        self.reranking = Reranking(config, self.paths, self.selection, self.features, self.language_models)
        self.shards = UserShards(config)
        self.audit = Audit(config, self.paths, self.selection, self.features, self.asking, self.reranking, self.fusing)
        self.report = Report(config, self.paths, self.selection, self.features, repository / "workflow" / "report")
        scripts = repository / "workflow" / "scripts"
        self.code = Code(scripts, config, self.selection, self.reranking, self.asking, self.audit)

    def wildcard_constraints(self):
        """Return the allowed values of each wildcard: the names in the config."""
        protocols = [*self.selection.protocols, *self.audit.protocols]
        return {
            "dataset": one_of([self.config["dataset"]]),
            "protocol": one_of(protocols),
            "base_model": one_of(self.selection.needed),
            "seed": r"\d+",
            "reranker": one_of(self.selection.rerankers),
            "encoder": one_of(self.config["encoders"]),
            "field": one_of(field_names(self.config)),
            "place": one_of(["features", *(f"{protocol}/features" for protocol in protocols)]),
            "scatteritem": r"\d+-of-\d+",
            "language_model": one_of(self.config["language_models"]),
        }

    def learned(self, pattern):
        """Return an input function for a file that is learned from training interactions.

        Redrawn targets do not change it: their protocol uses the file of the real protocol.
        """
        return lambda wildcards: fill(pattern, wildcards, protocol=learned_under(self.config, wildcards.protocol))

    def real(self, pattern):
        """Return an input function for a file that a protocol and its twin with redrawn targets share."""
        return lambda wildcards: fill(pattern, wildcards, protocol=real(wildcards.protocol))

    def external_lists(self, wildcards):
        """Return the files with an external base model's lists: test, and valid if given."""
        block = self.config["models"][wildcards.base_model]
        return {split: block[split] for split in ("valid", "test") if block[split]}

    def parts(self, wildcards):
        """Return the base lists that a union interleaves, by split."""
        of = self.config["models"][wildcards.base_model]["of"]
        return {
            split: [fill(path, wildcards, base_model=part) for part in of]
            for split, path in by_split(self.paths.base_lists).items()
        }

    def quotas(self, wildcards):
        """Return the places of each part of a union: its quotas, or equal shares of the candidates."""
        block, candidates = self.config["models"][wildcards.base_model], self.config["candidates"]
        count = len(block["of"])
        return block["quotas"] or [candidates // count + (place < candidates % count) for place in range(count)]
