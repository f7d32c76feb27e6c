"""Inputs and params of the tables, the figures and the report. No heavy import: Snakemake itself runs this."""

from pathlib import Path

from reelrank import digests
from reelrank.config import comparisons, fields
from reelrank.plan.paths import HIT_RATE, PREDICTED, RUN_CONFIG, every, fill, fusion_beside

#: The figures of the report, each with its category in the page of ``snakemake --report``.
FIGURES = {
    "hit_rate": "Hit rates",
    "ladder": "Effects",
    "effects": "Effects",
    "rank_movement": "Effects",
    "gain_against_cost": "Effects",
    "slices": "Effects",
    "training": "Inputs",
    "data": "Inputs",
}

#: The tables beyond accuracy. One job makes all of them.
DESCRIPTIONS = ("list_quality", "slices", "gaps", "positions", "answers", "cost")

#: The tables that a run makes for each protocol, beside the report and the audit, by name and kind.
FINAL_TABLES = [
    *((name, kind) for name in ("hit_rate", "features") for kind in ("csv", "md")),
    *((name, "csv") for name in ("effects", "ladder", *DESCRIPTIONS)),
]


class Report:
    """The inputs and params of tables, figures and the report.

    Parameters
    ----------
    config : dict
        Completed.
    paths : reelrank.plan.paths.Paths
    selection : reelrank.plan.selection.Selection
    features : reelrank.plan.features.Features
    templates : Path
        The folder of the report's template, style and captions.
    """

    def __init__(self, config, paths, selection, features, templates):
        self.config, self.paths, self.selection, self.features = config, paths, selection, features
        self.templates = Path(templates)
        self.dataset = config["datasets"][config["dataset"]]

    def everything(self):
        """Return all final files of the run."""
        chosen = {"dataset": [self.config["dataset"]], "protocol": self.selection.protocols}
        tables = [fill(self.paths.table, table=name, kind=kind) for name, kind in FINAL_TABLES]
        results = [*tables, self.paths.report, fill(self.paths.audit, kind="md")]
        return [path for pattern in results for path in every(pattern, **chosen)]

    def target(self, pattern):
        """Return a file of each protocol of the run."""
        return every(pattern, dataset=[self.config["dataset"]], protocol=self.selection.protocols)

    # Inputs of tables.

    def ranks(self, wildcards):
        """Return the ranks of every list of the run under one protocol."""
        return [
            fill(self.paths.ranks, wildcards, base_model=base_model, seed=seed, reranker=reranker, split=split)
            for base_model in self.selection.base_models
            for seed in self.selection.seeds
            for reranker in self.selection.rerankers_over(base_model)
            for split in PREDICTED
        ]

    def lists(self, wildcards):
        """Return every list of the run under one protocol, in the order of `ranks`."""
        return [path.replace(".ranks.parquet", ".parquet") for path in self.ranks(wildcards)]

    def places(self, wildcards):
        """Return the files of every list of the run under one protocol, by base list.

        Each is a dict with the fields of `reelrank.evaluation.list_tables.Place`.
        """
        return [
            [self._place(wildcards, base_model, seed, name) for name in self.selection.rerankers_over(base_model)]
            for base_model in self.selection.base_models
            for seed in self.selection.seeds
        ]

    def _place(self, wildcards, base_model, seed, reranker):
        def path(pattern, split):
            """Return the path of one file of the list."""
            return fill(pattern, wildcards, base_model=base_model, seed=seed, reranker=reranker, split=split)

        asked = PREDICTED if reranker in self.selection.asked else ()
        return {
            "reranker": reranker,
            "lists": {split: path(self.paths.lists, split) for split in PREDICTED},
            "ranks": path(self.paths.ranks, "test"),
            "answers": {split: path(self.paths.answers, split) for split in asked},
            "parsing": {split: path(self.paths.parsing, split) for split in asked},
        }

    def files_of_lists(self, wildcards):
        """Return the files of `places` as plain paths."""
        places = [place for over_base in self.places(wildcards) for place in over_base]
        kinds = ("lists", "answers", "parsing")
        return [
            path
            for place in places
            for path in (place["ranks"], *(file for kind in kinds for file in place[kind].values()))
        ]

    def diversity_feature(self):
        """Return the ``(encoder, field)`` that measures diversity, or None."""
        return fields.diversity_feature(self.config)

    def described_tables(self):
        """Return the pattern of each table beyond accuracy, by name."""
        return {name: fill(self.paths.table, table=name, kind="csv") for name in DESCRIPTIONS}

    def title(self):
        """Return the dataset's title, followed by "(synthetic)" if it is synthetic."""
        return self.dataset["title"] + (" (synthetic)" if self.dataset["synthetic"] else "")

    def comparisons(self):
        """Return the comparisons of the ladder."""
        return comparisons.comparisons(self.config)

    def primary_test(self, wildcards):
        """Return the primary test of the protocol."""
        return comparisons.primary_test(self.config, wildcards.protocol)

    def contenders(self):
        """Return the lists that the primary comparison chooses from."""
        return comparisons.contenders(self.config)

    # Inputs of the report.

    def _tables(self, names):
        return {name: fill(self.paths.table, table=name, kind="csv") for name in (*names, "hit_rate")}

    def report_tables(self):
        """Return the pattern of each table that the report reads, by name."""
        return self._tables(("effects", "ladder", *DESCRIPTIONS, "features"))

    def figure_tables(self):
        """Return the pattern of each table that the figures read, by name."""
        return self._tables(("effects", "ladder", "slices", "cost"))

    def figures(self):
        """Return the pattern of each figure, by name."""
        return {name: fill(self.paths.figure, figure=name) for name in FIGURES}

    def category(self, figure):
        """Return the category of a figure in the page of ``snakemake --report``."""
        return FIGURES[figure]

    def training(self, wildcards):
        """Return the training curves of all base models that are trained here."""
        chosen = {"base_model": self.selection.trained, "seed": self.selection.seeds}
        return every(self.paths.training, wildcards, **chosen)

    def fusions(self, wildcards):
        """Return the descriptions of all fusions of the run; a base model without valid lists has none."""
        beside = sorted({fusion_beside(path) for path in self.ranks(wildcards)}, key=Path)
        return [path for path in beside if Path(path).parent.name in self.selection.fusions]

    def settings(self, wildcards):
        """Return the settings that the report shows: the whole config, the protocol and the benchmarks."""
        return {
            "config": {key: value for key, value in self.config.items() if key not in ("runs", "search")},
            "protocol": wildcards.protocol,
            "benchmarks": fill(self.paths.benchmarks, wildcards),
        }

    def figure_settings(self, wildcards):
        """Return the settings that the figures need."""
        shown = {key: self.dataset[key] for key in ("title", "synthetic")}
        told = ("rung", "rung_of", "over", "control_of")
        rerankers = {
            name: {key: value for key, value in self.config["rerankers"][name].items() if key in told}
            for name in self.selection.rerankers
        }
        models = {name: self.config["models"][name] for name in self.selection.base_models}
        config = {
            **{key: self.config[key] for key in ("dataset", "cutoffs", "run")},
            "models": {name: {key: block[key] for key in ("rung",) if key in block} for name, block in models.items()},
            "datasets": {self.config["dataset"]: shown},
            "rerankers": rerankers,
        }
        return {**self.settings(wildcards), "config": config}

    def layout(self):
        """Return a digest of the template, the style and the captions."""
        files = sorted(self.templates.iterdir())
        return digests.digest([(path.name, path.read_text(encoding="utf-8")) for path in files])

    def compared(self):
        """Return the existing files of the two compared runs; the step reports the missing ones."""
        paths = [Path(folder) / name for folder in self.config["runs"] for name in (RUN_CONFIG, HIT_RATE)]
        return [str(path) for path in paths if path.is_file()]
