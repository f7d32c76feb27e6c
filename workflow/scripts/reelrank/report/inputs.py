"""Reading and checking of all tables of a run under one protocol."""

from dataclasses import dataclass, field

import pandas as pd

from reelrank.data.ranks import read_ranks
from reelrank.data.tables import read_table
from reelrank.errors import InputError
from reelrank.files import read_json
from reelrank.metrics.ranking import nearest_cutoff
from reelrank.plan.paths import base_of_model, place_of

#: Required columns of each table: texts, numbers, truth values. Other columns are allowed.
CONTRACTS = {
    "hit_rate": (
        "dataset protocol split base_model seed reranker kind",
        "depth n users hits hits_unrepaired hit_rate ci_low ci_high change_percent ndcg mrr ceiling",
        "",
    ),
    "effects": (
        "split base_model seed reranker kind against metric",
        "n users value value_low value_high against_value difference difference_low difference_high relative_percent "
        "relative_low relative_high gained lost p_value p_adjusted smallest_effect headroom_captured",
        "in_family structural_zero",
    ),
    "ladder": (
        "split place base_model seed reranker rung against_base_model against against_rung metric",
        "n users value value_low value_high against_value difference difference_low difference_high relative_percent "
        "relative_low relative_high gained lost p_value p_adjusted smallest_effect",
        "in_family structural_zero",
    ),
    "list_quality": (
        "base_model seed reranker",
        "n users coverage diversity novelty mean_popularity popularity_change_percent",
        "",
    ),
    "slices": (
        "base_model seed reranker slice_by slice",
        "position n users hit_rate hit_rate_low hit_rate_high ndcg difference difference_low difference_high",
        "small",
    ),
    "gaps": ("base_model seed reranker slice_by best worst", "n gap gap_low gap_high", ""),
    "positions": ("base_model seed reranker", "position n users hit_rate", ""),
    "answers": ("base_model seed reranker split", "requests unchanged_share order_correlation", ""),
    "cost": (
        "base_model seed reranker",
        "users requests input_tokens output_tokens usd usd_per_1000_users ms_p50 ms_p95",
        "",
    ),
    "features": (
        "encoder field model revision",
        "dimension items missing without_file unreadable too_large parameters",
        "",
    ),
}

#: Tables that may have no row, e.g. if no re-ranker asks a model or no feature is used.
MAY_BE_EMPTY = ("effects", "ladder", "gaps", "positions", "answers", "cost", "features", "slices", "list_quality")


@dataclass(frozen=True)
class Run:
    """The results of a run under one protocol.

    Attributes
    ----------
    tables : dict of str to pandas.DataFrame
        Keys as in `CONTRACTS`.
    ranks : dict
        ``(split, base_model, seed, reranker)`` to a frame of ranks and the list's metadata.
    fusions : list of dict
        ``fusion.json`` of each fusion, with ``base_model`` and ``seed``.
    training : list of dict
        ``base_model``, ``seed``, ``epochs`` (a frame).
    statistics, counts, audit, plan : dict
    config : dict
        The completed config.
    protocol : str
    popularity, lengths : numpy.ndarray or None
        Training interactions of each item; interactions of each user.
    """

    tables: dict
    config: dict
    protocol: str
    ranks: dict = field(default_factory=dict)
    fusions: list = field(default_factory=list)
    training: list = field(default_factory=list)
    statistics: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)
    audit: dict = field(default_factory=dict)
    plan: dict = field(default_factory=dict)
    popularity: object = None
    lengths: object = None

    @property
    def n(self):
        """Return the n of the headline and of the family of tests: the cut-off nearest to 10, the smaller of two."""
        return nearest_cutoff(self.config["cutoffs"])

    @property
    def dataset(self):
        """Return the definition of the dataset."""
        return self.config["datasets"][self.config["dataset"]]

    @property
    def title(self):
        """Return the dataset's title, with the word synthetic if it is synthetic."""
        return f"{self.dataset['title']}{' (synthetic)' if self.dataset['synthetic'] else ''}"

    @property
    def pooled(self):
        """Return the value of column ``seed`` in the effects that the report shows: ``all``, or the only seed."""
        seeds = self.config["run"]["seeds"]
        return "all" if len(seeds) > 1 else str(seeds[0])

    @property
    def rungs(self):
        """Return the rung of each re-ranker that has one."""
        blocks = {name: self.config["rerankers"][name] for name in self.rerankers}
        return {name: block["rung"] for name, block in blocks.items() if "rung" in block}

    @property
    def rerankers(self):
        """Return the re-rankers of the run, in the order of the config."""
        return self.config["run"]["rerankers"]

    @property
    def hits_on_test(self):
        """Return triples of base model, re-ranker and rows of the hit-rate table on test, in config order."""
        table = self.tables["hit_rate"]
        rows = dict(list(table[table["split"] == "test"].groupby(["base_model", "reranker"])))
        order = [(base, name) for base in self.config["run"]["base_models"] for name in self.rerankers]
        return [(*key, rows[key]) for key in order if key in rows]

    def in_order(self, rows):
        """Return rows of a table sorted by base model and re-ranker in config order; the sort is stable."""
        places = {
            "base_model": {name: place for place, name in enumerate(self.config["run"]["base_models"])},
            "reranker": {name: place for place, name in enumerate(self.rerankers)},
        }
        return rows.sort_values(list(places), key=lambda column: column.map(places[column.name]), kind="stable")

    @property
    def kinds(self):
        """Return the kind of each re-ranker."""
        return dict(zip(self.tables["hit_rate"]["reranker"], self.tables["hit_rate"]["kind"], strict=True))


def read_run(inputs, settings):
    """Return the results that `inputs` names.

    Parameters
    ----------
    inputs : dict of str to path or list of path
        A table for each name of `CONTRACTS`, ``ranks``, ``fusions``, ``training``, ``statistics``, ``counts``,
        ``audit``, ``plan``, ``item_statistics``, ``users``. Missing names are not read.
    settings : dict
        ``config`` (completed) and ``protocol``.

    Raises
    ------
    InputError
        Names the file and the column that is missing or not numeric.
    """
    ranks = {}
    for path in inputs.get("ranks", []):
        frame, about = read_ranks(path)
        ranks[about["split"], about["base_model"], about["seed"], about["reranker"]] = frame, about
    lists = {key: _column(inputs, key, table, column) for key, table, column in COLUMNS}
    return Run(
        tables={name: read_csv(inputs[name], name) for name in CONTRACTS if name in inputs},
        config=settings["config"],
        protocol=settings["protocol"],
        ranks=ranks,
        fusions=[{**_base_of(place_of(path)), **read_json(path)} for path in inputs.get("fusions", [])],
        training=[_base_of(base_of_model(path)) | {"epochs": _epochs(path)} for path in inputs.get("training", [])],
        **{key: read_json(inputs[key]) for key in ("statistics", "counts", "audit", "plan") if key in inputs},
        popularity=lists["item_statistics"],
        lengths=lists["users"],
    )


COLUMNS = [("item_statistics", "item_statistics", "popularity"), ("users", "users", "length")]


def _column(inputs, key, table, column):
    return read_table(inputs[key], table)[column].to_numpy() if key in inputs else None


def _base_of(place):
    """Return base model and seed of a file as texts, as in the tables."""
    return {"base_model": place["base_model"], "seed": str(place["seed"])}


def _epochs(path):
    return read_table(path, "training").to_pandas()


def read_csv(path, name):
    """Return a table of the run. Texts stay texts (a slice may be called NA), empty numbers are NaN.

    Raises
    ------
    InputError
        Names the file and what is wrong with it.
    """
    texts, numbers, truths = (columns.split() for columns in CONTRACTS[name])
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except pd.errors.EmptyDataError:
        table = pd.DataFrame(columns=[*texts, *numbers, *truths], dtype=str)
    except FileNotFoundError:
        raise InputError(f"{path}: found no file; expected the table {name}") from None
    missing = [column for column in (*texts, *numbers, *truths) if column not in table]
    if missing:
        raise InputError(f"{path}: columns {missing} of the table {name} are missing; found {list(table.columns)}")
    if table.empty and name not in MAY_BE_EMPTY:
        raise InputError(f"{path}: found no row; expected at least one for each list of the run")
    for column in table.columns.difference([*texts, *truths, "dataset", "protocol"]):
        try:
            table[column] = pd.to_numeric(table[column].mask(table[column] == "")).astype(float)
        except (ValueError, TypeError) as error:
            if column in numbers:
                raise InputError(f"{path}: column {column!r}: {error}; expected numbers") from None
    for column in truths:
        table[column] = table[column].str.lower() == "true"
    return table
