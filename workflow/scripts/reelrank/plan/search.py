"""Inputs and params of the search for settings. No heavy import: Snakemake itself runs this."""

import json

from reelrank.config import fields, search
from reelrank.config.fusions import fusion_options
from reelrank.config.rerankers import reranker_depth
from reelrank.plan.paths import fill


class Search:
    """The models and fusions of the run that are searched.

    Parameters
    ----------
    config : dict
        Completed.
    paths : reelrank.plan.paths.Paths
    selection : reelrank.plan.selection.Selection
    features : reelrank.plan.features.Features

    Attributes
    ----------
    models, fusions : dict of str to dict
        The ranges of each searched name. Fusions are searched over the base list of one model, ``search.over``;
        without this model in the run, or without its valid lists, none is.
    """

    def __init__(self, config, paths, selection, features):
        self.config, self.paths, self.features = config, paths, features
        self.settings, self.over = config["search"], config["search"]["over"]
        self.models = search.ranges_of(config, "models")
        wanted = search.ranges_of(config, "rerankers")
        self.fusions = wanted if self.over in selection.fusible else {}
        self.not_searched = [name for name in wanted if name not in self.fusions]

    def _common(self, section, name, ranges):
        """Return the settings of a search that models and fusions share."""
        keys = ("trials", "seed", "validation_users")
        block = self.config[section][name]
        shipped = {key: block[key] for key in ranges}
        return {"ranges": ranges, "shipped": shipped, **{key: self.settings[key] for key in keys}}

    # Models.

    def block(self, wildcards):
        """Return the complete block of a searched model."""
        return self.config["models"][wildcards.base_model]

    def of_model(self, wildcards):
        """Return the settings of the search of a model."""
        return self._common("models", wildcards.base_model, self.models[wildcards.base_model])

    # Fusions.

    def _over(self, wildcards, **values):
        chosen = {"base_model": self.over, "seed": self.config["run"]["seeds"][0], "split": "valid"}
        return fill(self.paths.lists, wildcards, **{**chosen, **values})

    def lists(self, wildcards):
        """Return the valid lists that a fusion reads: the base list, and those of its signals."""
        signals = self.config["rerankers"][wildcards.reranker]["signals"]
        return {
            "valid": self._over(wildcards, reranker="identity"),
            "signals": [self._over(wildcards, reranker=name) for name in signals],
        }

    def matrices(self, wildcards):
        """Return the matrices that a fusion reads."""
        read = fields.features_of(self.config, wildcards.reranker, "rerankers")
        return [self.features.path(wildcards, *feature) for feature in read]

    def texts(self, wildcards):
        """Return the tables with the texts whose words a fusion compares, one for each source field."""
        compared = self.config["rerankers"][wildcards.reranker].get("words") or ()
        return [path for field in compared for path in self.features.texts_of(wildcards, field)]

    def fusion(self, wildcards):
        """Return the settings that decide a fusion, without its inputs."""
        block = self.config["rerankers"][wildcards.reranker]
        return {
            "type": block["type"],
            "stage": block["stages"][-1],
            "words": {field: fields.source_fields(self.config, field) for field in block.get("words") or ()},
            "features": fields.features_of(self.config, wildcards.reranker, "rerankers"),
            "options": fusion_options(block),
            "depth": reranker_depth(self.config, wildcards.reranker),
        }

    def of_fusion(self, wildcards):
        """Return the settings of the search of a fusion."""
        return self._common("rerankers", wildcards.reranker, self.fusions[wildcards.reranker])

    # The table.

    def results(self, wildcards):
        """Return the trials of every searched name under one protocol, in the order of `searched`."""
        return [
            *(fill(self.paths.searched_model, wildcards, base_model=name) for name in self.models),
            *(fill(self.paths.searched_fusion, wildcards, reranker=name) for name in self.fusions),
        ]

    def searched(self):
        """Return the section, the name and the origin of each searched name; the origin is None unless it is built."""
        found = [("models", name) for name in self.models] + [("rerankers", name) for name in self.fusions]
        return [(section, name, search.origin(self.config[section][name])) for section, name in found]

    def command(self, overlays):
        """Return the command that runs this search again.

        Parameters
        ----------
        overlays : sequence of path
            The files that were given as ``--configfile``.
        """
        run, keys = self.config["run"], ("protocols", "seeds")
        names = [name for name in run["rerankers"] if not search.origin(self.config["rerankers"][name])]
        bases = [name for name in run["base_models"] if not search.origin(self.config["models"][name])]
        chosen = {**{key: run[key] for key in keys}, "base_models": bases, "rerankers": names}
        config = {"dataset": self.config["dataset"], "run": chosen, "search": self._given()}
        given = " ".join(f"'{key}={_flow(value)}'" for key, value in config.items())
        files = f"--configfile {' '.join(map(str, overlays))} " if overlays else ""
        return f"snakemake --cores 1 {files}--config {given} -- search"

    def _given(self):
        """Return the settings of the search, with the ranges of the searched names."""
        origins = {(section, source or name) for section, name, source in self.searched()}
        given = {key: value for key, value in self.settings.items() if key not in search.SEARCHED}
        for section in search.SEARCHED:
            ranges = self.settings[section]
            given[section] = {name: ranges[name] for name in ranges if (section, name) in origins}
        return given


def _flow(value):
    """Return a value as YAML on one line; JSON is YAML but for its quotes around names."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value)
