"""The path of every file of a run. No other file spells the tree of results.

An attribute of `Paths` is a pattern with wildcards, as in a rule; `fill` replaces wildcards by values.
No heavy import: Snakemake itself runs this.
"""

import itertools
import re
from pathlib import Path

#: The splits whose items are predicted. Re-rankers make one list per user for each.
PREDICTED = ("valid", "test")

#: Files of a finished run that another run is compared with, below ``{dataset}/{protocol}``.
RUN_CONFIG, HIT_RATE = "config.yaml", "tables/hit_rate.csv"

_BASE_LIST = "{protocol}/lists/{base_model}/seed{seed}"

#: The log and the benchmark file of each kind of job, below ``logs/{dataset}`` and ``benchmarks/{dataset}``.
JOBS = {
    "generate_sample": "raw/generate_sample",
    "draw_sample_images": "raw/draw_sample_images",
    "download": "raw/download/{name}",
    "unpack": "raw/unpack/{name}",
    "prepare": "prepared/prepare",
    "split": "{protocol}/split",
    "redraw": "{protocol}/redraw",
    "gather_comments": "{protocol}/texts/comments",
    "tag_images": "{protocol}/texts/{field}",
    "train_clip": "{protocol}/clip/{encoder}/train_clip",
    "feature": "{place}/{encoder}/{field}",
    "train": "{protocol}/models/{base_model}/seed{seed}/train",
    "language_model": "{protocol}/language_models/{language_model}",
    "recommend": f"{_BASE_LIST}/recommend",
    "import_lists": f"{_BASE_LIST}/import_lists",
    "unite_lists": f"{_BASE_LIST}/unite_lists",
    "fuse": f"{_BASE_LIST}/fuse",
    "write_plan": "{protocol}/audit/plan",
    "evaluate": f"{_BASE_LIST}/evaluate",
    "rerank": f"{_BASE_LIST}/{{reranker}}",
    "ask": f"{_BASE_LIST}/{{reranker}}.ask",
    "tabulate_hits": "{protocol}/tables/hit_rate",
    "measure_effects": "{protocol}/tables/effects",
    "describe_lists": "{protocol}/tables/describe_lists",
    "tabulate_features": "{protocol}/tables/features",
    "estimate_requests": "{protocol}/tables/estimate",
    "audit_lists": "{protocol}/audit/audit",
    "audit_redrawn": "{protocol}/audit/redrawn",
    "rescore_lists": "{protocol}/audit/rescored/{base_model}/seed{seed}/lists",
    "rescore_fusions": "{protocol}/audit/rescored/{base_model}/seed{seed}/fusions",
    "plot_figures": "{protocol}/figures",
    "report": "{protocol}/report",
    "search_model": "{protocol}/search/models/{base_model}",
    "search_fusion": "{protocol}/search/rerankers/{reranker}",
    "tabulate_search": "{protocol}/tables/search",
    "estimate": "estimate",
    "search": "search",
    "audit": "audit",
}

#: Ending of a file's name, before its kind, if its job made one shard or gathered all.
SHARD_ENDING = re.compile(r"\.(?:\d+|all)-of-(\d+)$")


class Paths:
    """The patterns of all files of a run.

    Parameters
    ----------
    name : str, optional
        ``run.name`` of the config. With a name, everything that depends on the config is below
        ``results/{name}``; all runs share the raw files of a dataset.
    """

    def __init__(self, name=None):
        root = self.root = f"results/{name}" if name else "results"
        dataset = f"{root}/{{dataset}}"
        self.raw = "results/{dataset}/raw/{name}"

        self.interactions = f"{dataset}/prepared/interactions.parquet"
        self.items = f"{dataset}/prepared/items.parquet"
        self.users = f"{dataset}/prepared/users.parquet"
        self.comments = f"{dataset}/prepared/comments.parquet"
        self.statistics = f"{dataset}/prepared/statistics.json"

        #: `place` is ``features``, or ``{protocol}/features`` if the matrix depends on training interactions.
        self.features = f"{dataset}/{{place}}/{{encoder}}/{{field}}.npy"
        self.feature_description = f"{dataset}/{{place}}/{{encoder}}/{{field}}.json"
        self.feature_shard = f"{dataset}/{{place}}/{{encoder}}/{{field}}.{{scatteritem}}.npz"

        protocol = self.protocol = f"{dataset}/{{protocol}}"
        self.split = f"{protocol}/split.parquet"
        self.split_counts = f"{protocol}/split.json"
        self.item_statistics = f"{protocol}/item_statistics.parquet"
        self.texts = f"{protocol}/texts/{{field}}.parquet"
        self.clip_weights = f"{protocol}/clip/{{encoder}}/weights.safetensors"
        self.clip_report = f"{protocol}/clip/{{encoder}}/clip.json"
        self.language_model = f"{protocol}/language_models/{{language_model}}"

        model = f"{protocol}/models/{{base_model}}/seed{{seed}}"
        self.model_weights = f"{model}/weights.safetensors"
        self.model_description = f"{model}/model.json"
        self.training = f"{model}/training.parquet"

        self.searched_model = f"{protocol}/search/models/{{base_model}}/trials.json"
        self.searched_fusion = f"{protocol}/search/rerankers/{{reranker}}/trials.json"

        lists = f"{protocol}/lists/{{base_model}}/seed{{seed}}/{{reranker}}"
        self.lists = f"{lists}/{{split}}.parquet"
        self.ranks = f"{lists}/{{split}}.ranks.parquet"
        self.answers = f"{lists}/{{split}}.answers.parquet"
        self.parsing = f"{lists}/{{split}}.parsing.parquet"
        self.ledger = f"{lists}/ledger.json"
        self.fusion = f"{lists}/fusion.json"
        self.fitted = f"{lists}/fitted.json.gz"
        self.base_lists = fill(self.lists, reranker="identity")
        self.import_counts = fill(f"{lists}/import.json", reranker="identity")

        self.table = f"{protocol}/tables/{{table}}.{{kind}}"
        self.figure = f"{protocol}/figures/{{figure}}.svg"
        self.test_plan = f"{protocol}/audit/plan.json"
        self.audit = f"{protocol}/audit/audit.{{kind}}"
        self.redrawn_audit = f"{protocol}/audit/redrawn.{{kind}}"
        self.rescored = f"{protocol}/audit/rescored/{{base_model}}/seed{{seed}}/{{what}}.json"
        self.report = f"{protocol}/report.html"
        self.verdict = fill(self.table, table="verdict", kind="json")
        self.run_config = f"{protocol}/{RUN_CONFIG}"
        self.comparison = f"{root}/comparison/comparison.{{kind}}"
        self.comparison_log = f"{root}/logs/comparison.log"
        self.comparison_benchmark = f"{root}/benchmarks/comparison.tsv"

    def log(self, job):
        """Return the pattern of the log of a kind of job (a key of `JOBS`)."""
        return f"{self.root}/logs/{{dataset}}/{JOBS[job]}.log"

    def benchmark(self, job):
        """Return the pattern of the benchmark file of a kind of job (a key of `JOBS`)."""
        return f"{self.benchmarks}/{JOBS[job]}.tsv"

    @property
    def benchmarks(self):
        """Return the pattern of the folder of all benchmark files of a dataset."""
        return f"{self.root}/benchmarks/{{dataset}}"


def fill(pattern, wildcards=None, **values):
    """Return a pattern with its wildcards replaced by values; a wildcard without a value stays.

    Parameters
    ----------
    pattern : str
    wildcards : object, optional
        Has the values as attributes, like the wildcards of a Snakemake rule.
    **values : str or int
        Take precedence over `wildcards`.
    """

    def value(found):
        """Return the replacement of one wildcard."""
        name = found[1]
        return str(values[name] if name in values else getattr(wildcards, name, found[0]))

    return re.sub(r"\{(\w+)\}", value, pattern)


def every(pattern, wildcards=None, **values):
    """Return the pattern filled with each combination of values, the last named value changing fastest.

    Parameters
    ----------
    pattern, wildcards
        As in `fill`.
    **values : sequence
        The values of each wildcard.
    """
    combinations = itertools.product(*values.values())
    return [fill(pattern, wildcards, **dict(zip(values, chosen, strict=True))) for chosen in combinations]


def by_split(pattern, key="{split}", **values):
    """Return the pattern for each predicted split, by name.

    Parameters
    ----------
    pattern : str
        With the wildcard ``split``.
    key : str
        Pattern of the names, with the wildcard ``split``.
    **values : str or int
        As in `fill`.
    """
    return {fill(key, split=split): fill(pattern, split=split, **values) for split in PREDICTED}


def shard_of(pattern):
    """Return the pattern of one shard's file, with the wildcard ``scatteritem`` before the kind of file."""
    return _before_kind(pattern, ".{scatteritem}")


def shards_of(pattern, shards):
    """Return the patterns of the files of all shards.

    Parameters
    ----------
    pattern : str
        With the wildcard ``scatteritem``.
    shards : int
    """
    return [fill(pattern, scatteritem=f"{number}-of-{shards}") for number in range(1, shards + 1)]


def gathered_from(pattern, shards):
    """Return the pattern of the benchmark file of the job that gathers this many shards."""
    return _before_kind(pattern, f".all-of-{shards}")


def _before_kind(pattern, ending):
    head, dot, kind = pattern.rpartition(".")
    return f"{head}{ending}{dot}{kind}"


def description_of(features):
    """Return the path of the description beside a file of features."""
    return f"{features.removesuffix('.npy')}.json"


def fusion_beside(ranks):
    """Return the path of the fusion description beside a file of ranks."""
    return Path(ranks).with_name("fusion.json").as_posix()


def base_list_beside(path, split):
    """Return the path of the base list of a split that a file of a re-ranker belongs to."""
    return Path(path).parents[1] / "identity" / f"{split}.parquet"


def place_of(path):
    """Return the names in the path of a file of lists.

    Returns
    -------
    dict
        ``base_model``, ``seed`` (int), ``reranker``, ``split`` (the name of the file up to the first dot).
    """
    base_model, seed, reranker, file = Path(path).parts[-4:]
    return {
        "base_model": base_model,
        "seed": int(seed.removeprefix("seed")),
        "reranker": reranker,
        "split": file.split(".")[0],
    }


def base_of_model(path):
    """Return the base model and the seed (int) in the path of a model's file."""
    base_model, seed = Path(path).parts[-3:-1]
    return {"base_model": base_model, "seed": int(seed.removeprefix("seed"))}


def one_of(names):
    """Return the wildcard constraint for one of these names; without names it matches nothing."""
    return "|".join(map(re.escape, map(str, names))) or "(?!)"
