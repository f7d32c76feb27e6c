"""Hit-rate tables: tidy for programs, wide for readers."""

import numpy as np
import pandas as pd

from reelrank.config.kinds import KINDS
from reelrank.data.ranks import read_ranks
from reelrank.errors import InputError
from reelrank.metrics.ranking import hits, ndcg, reciprocal_rank
from reelrank.metrics.statistics import wilson_interval
from reelrank.report.values import plain

#: Columns that identify a row of the tidy table, together with n.
KEYS = ["dataset", "protocol", "split", "base_model", "seed", "reranker"]


def hit_rate_table(paths, cutoffs):
    """Return one row per list and n, with Wilson intervals.

    A list is compared with its base on the users that both have.

    Parameters
    ----------
    paths : sequence of path
        Files of ranks; must include the base (re-ranker ``identity``) of every list.
    cutoffs : sequence of int

    Returns
    -------
    pandas.DataFrame
        Columns dataset, protocol, split, base_model, seed, reranker, kind, depth, n,
        users, hits, hits_unrepaired, hit_rate, ci_low, ci_high, change_percent, ndcg,
        mrr (both cut at n), ceiling (hit rate at depth). ``hits_unrepaired`` counts by the
        rank in the raw answer of a model, as systems without repair do.
        ``change_percent`` is missing if the base has no hit.
    """
    lists = [read_ranks(path) for path in paths]
    bases = {_place(about): ranks for ranks, about in lists if about["reranker"] == "identity"}
    rows = []
    for ranks, about in lists:
        if max(cutoffs) > int(about["depth"]):
            raise InputError(
                f"config key cutoffs: found n = {max(cutoffs)}; "
                f"expected at most {about['depth']}, the depth of re-ranker {about['reranker']!r}"
            )
        base = bases[_place(about)]
        both = ranks.index.intersection(base.index)
        ranks, base = ranks.loc[both], base.loc[both, "rank"].to_numpy()
        rows.extend(_row(ranks, base, about, n) for n in cutoffs)
    table = pd.DataFrame(rows)
    order = table.assign(kind=pd.Categorical(table["kind"], KINDS))
    columns = ["split", "base_model", "seed", "kind", "reranker", "n"]
    return table.loc[order.sort_values(columns, kind="stable").index].reset_index(drop=True)


def _place(about):
    return about["base_model"], about["seed"], about["split"]


def _row(ranks, base, about, n):
    rank = ranks["rank"].to_numpy()
    hit = hits(rank, n)
    count, users = int(hit.sum()), len(rank)
    low, high = wilson_interval(count, users)
    base_count = int(hits(base, n).sum())
    return {
        **{key: about[key] for key in KEYS},
        "kind": about["kind"],
        "depth": int(about["depth"]),
        "n": int(n),
        "users": users,
        "hits": count,
        "hits_unrepaired": int(hits(ranks["raw_rank"].to_numpy(), n).sum()),
        "hit_rate": count / users if users else np.nan,
        "ci_low": low,
        "ci_high": high,
        "change_percent": 100 * (count - base_count) / base_count if base_count else np.nan,
        "ndcg": ndcg(rank, n).mean() if users else np.nan,
        "mrr": reciprocal_rank(rank, n).mean() if users else np.nan,
        "ceiling": hits(rank, int(about["depth"])).mean() if users else np.nan,
    }


def to_markdown(table, cutoffs, about, statistics, counts):
    """Return the wide table of the test split, one row per base model and re-ranker.

    Parameters
    ----------
    table : pandas.DataFrame
        Result of `hit_rate_table`.
    cutoffs : sequence of int
    about : dict
        ``title``, ``synthetic`` and ``published`` (rows of other systems) of the dataset.
    statistics, counts : dict
        ``statistics.json`` of the dataset and the counts of the protocol.
    """
    test = table[table["split"] == "test"]
    several_seeds = test["seed"].nunique() > 1
    title = f"{about['title']}{' (synthetic)' if about['synthetic'] else ''}"
    heads = ["base", *(["seed"] if several_seeds else []), "re-ranker", "depth"]
    for n in cutoffs:
        heads += [f"Hits@{n}", f"HR@{n} [95%]", f"change of Hits@{n}"]
    lines = [
        f"# Hit rates on {plain(title)}",
        "",
        f"Protocol {test['protocol'].iloc[0]}, test split: {int(test['users'].max())} users, "
        f"{statistics['items']} items, {statistics['interactions']} interactions; "
        f"left out: {statistics['users_dropped_too_short']} users with fewer than {statistics['min_interactions']} "
        f"interactions and {counts['users_without_test_target']} without a target. "
        "Full-catalogue ranking, seen items masked; Wilson intervals. A re-ranker permutes the first "
        "`depth` items of its base list, so hits at its depth equal the base's.",
        "",
        "| " + " | ".join(heads) + " |",
        "|" + "|".join(["---"] * (len(heads) - 3 * len(cutoffs)) + ["---:"] * 3 * len(cutoffs)) + "|",
    ]
    for (_, _), rows in test.groupby(["base_model", "seed"], sort=False):
        for reranker, cells in rows.groupby("reranker", sort=False):
            lines.append(_line(reranker, cells.set_index("n"), cutoffs, several_seeds))
    lines += [_published_line(row, cutoffs, several_seeds) for row in about["published"]]
    if about["published"]:
        lines += ["", "Rows marked *published* are other systems' figures on other users: not comparable."]
    return "\n".join(lines) + "\n"


def _line(reranker, cells, cutoffs, with_seed):
    first = cells.iloc[0]
    values = [first["base_model"], *([first["seed"]] if with_seed else []), reranker, first["depth"]]
    for n in cutoffs:
        cell = cells.loc[n]
        values += [cell["hits"], f"{_rate(cell['hit_rate'])} [{_rate(cell['ci_low'])}, {_rate(cell['ci_high'])}]"]
        values.append("" if reranker == "identity" else _percent(cell["change_percent"]))
    return "| " + " | ".join(map(str, values)) + " |"


def _published_line(row, cutoffs, with_seed):
    values = [plain(row["base_model"]), *([""] if with_seed else []), f"{plain(row['reranker'])} (*published*)", ""]
    base = row.get("base_hits", {})
    for n in cutoffs:
        count, base_count = row["hits"].get(n), base.get(n)
        change = _percent(100 * (count - base_count) / base_count) if count is not None and base_count else ""
        values += ["" if count is None else count, "", change]
    return "| " + " | ".join(map(str, values)) + " |"


def _rate(value):
    return "n/a" if np.isnan(value) else f"{value:.4f}".removeprefix("0")


def _percent(value):
    return "n/a" if np.isnan(value) else f"{value:+.2f}%"
