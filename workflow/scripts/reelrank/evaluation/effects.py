"""The table of effects: each list against its base list, with intervals and tests."""

import numpy as np
import pandas as pd

from reelrank.config.kinds import KINDS
from reelrank.data.lists import BASE
from reelrank.data.ranks import read_ranks
from reelrank.evaluation.differences import NUMBERS, differences
from reelrank.metrics.ranking import nearest_cutoff
from reelrank.metrics.resampling import METRICS
from reelrank.metrics.statistics import holm

#: Column seed of rows that pool all training seeds.
ALL_SEEDS = "all"

#: Metrics in the family of tests, at the cut-off nearest to 10.
FAMILY_METRICS = ("ndcg", "hit_rate")

KEYS = ["dataset", "protocol", "split", "base_model", "seed", "reranker", "kind", "against", "metric", "n"]


def read_all_ranks(paths):
    """Return the ranks and the metadata of each list, by (split, base model, re-ranker) and seed, seeds ascending.

    Parameters
    ----------
    paths : sequence of path
        Files of ranks.

    Returns
    -------
    dict of (str, str, str) to dict of str to (pandas.DataFrame, dict)
    """
    lists = {}
    for path in paths:
        ranks, about = read_ranks(path)
        place = about["split"], about["base_model"], about["reranker"]
        lists.setdefault(place, {})[about["seed"]] = (ranks, about)
    return {place: dict(sorted(seeds.items(), key=lambda pair: int(pair[0]))) for place, seeds in lists.items()}


def groups_of_seeds(seeds):
    """Return the groups of training seeds that rows are made for: each alone and, if there are several, all."""
    return [[seed] for seed in seeds] + ([list(seeds)] if len(seeds) > 1 else [])


def effects_table(lists, cutoffs, inert, resamples):
    """Return one row per list, metric and cut-off: the list against its base list.

    Parameters
    ----------
    lists : dict
        From `read_all_ranks`; must include the base (re-ranker ``identity``) of every list.
    cutoffs : sequence of int
    inert : collection of str
        Re-rankers that can only return the base list, such as a weighted sum without signals.
    resamples : int

    Returns
    -------
    pandas.DataFrame
        Columns `KEYS` and `NUMBERS`; see docs/statistics.md. NaN if a number is not defined.
    """
    rows = []
    for (split, base_model, reranker), seeds in lists.items():
        for some in groups_of_seeds(seeds):
            own = [seeds[seed] for seed in some]
            base = [lists[split, base_model, BASE][seed] for seed in some]
            rows += _against_base(own, base, reranker in inert, cutoffs, resamples)
    table = pd.DataFrame(rows, columns=[*KEYS, *NUMBERS])
    return _in_order(adjust(table, cutoffs))


def _against_base(own, base, inert, cutoffs, resamples):
    """Return the rows of one list against its base list, under one or several seeds."""
    about = own[0][1]
    depth = int(about["depth"])

    def fixed(metric, n):
        """Return whether no order of the first `depth` items can change the metric."""
        return inert or about["reranker"] == BASE or depth == 1 or (metric == "hit_rate" and n >= depth)

    sides = [[ranks["rank"] for ranks, _ in side] for side in (own, base)]
    found = differences(*sides, cutoffs, resamples, fixed, ceiling_depth=depth)
    keys = {key: about[key] for key in KEYS[:7]} | ({"seed": ALL_SEEDS} if len(own) > 1 else {}) | {"against": BASE}
    return [keys | numbers for numbers in found]


def adjust(table, cutoffs):
    """Return the table with the family of tests marked and its p-values adjusted by Holm's method.

    The family: NDCG and hit rate at the cut-off nearest to 10, on test, of every re-ranker against its base
    list, without structural zeros. With several training seeds, only the rows over all seeds are in the family.
    """
    return adjust_family(table, cutoffs, (table["reranker"] != BASE) & table["p_value"].notna())


def adjust_family(table, cutoffs, members):
    """Return the table with p-values adjusted by Holm's method within one family.

    The family has the rows of test at the cut-off nearest to 10, for `FAMILY_METRICS`, over all seeds if there are
    several.

    Parameters
    ----------
    table : pandas.DataFrame
    cutoffs : sequence of int
    members : pandas.Series
        Bool: the rows that may be in the family.
    """
    seed = ALL_SEEDS if (table["seed"] == ALL_SEEDS).any() else table["seed"]
    family = (
        members
        & (table["split"] == "test")
        & (table["n"] == nearest_cutoff(cutoffs))
        & table["metric"].isin(FAMILY_METRICS)
        & (table["seed"] == seed)
    )
    table = table.assign(in_family=family, structural_zero=table["structural_zero"].eq(True))
    table["p_adjusted"] = pd.Series(holm(table.loc[family, "p_value"]), table.index[family]).reindex(table.index)
    table["family_size"] = pd.Series(int(family.sum()), table.index[family]).reindex(table.index).astype("Int64")
    return table


def _in_order(table):
    """Return the rows sorted: numbered seeds before ``all``, kinds as in every table."""
    order = table.assign(
        kind=pd.Categorical(table["kind"], KINDS),
        seed=pd.to_numeric(table["seed"], errors="coerce").fillna(np.inf),
        metric=pd.Categorical(table["metric"], list(METRICS)),
    )
    columns = ["split", "base_model", "seed", "kind", "reranker", "metric", "n"]
    table = table.loc[order.sort_values(columns, kind="stable").index].reset_index(drop=True)
    return table.astype(dict.fromkeys(["n", "users", "gained", "lost"], "Int64"))


def to_csv(table):
    """Return the table as CSV: six digits, empty cells for undefined numbers, ``true`` and ``false``.

    Values below 1e-12 are rounding noise, written as 0. P-values can be that small and are not rounded.
    """
    table = table.copy()
    for column in ("in_family", "structural_zero"):
        table[column] = table[column].map({True: "true", False: "false"})
    floats = table.select_dtypes("float").columns
    table[floats] = table[floats].round(dict.fromkeys(floats.difference(["p_value", "p_adjusted"]), 12)) + 0.0  # no -0
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
