"""Means and spreads of hit rates over several training seeds."""


def seeds_to_markdown(table, cutoffs):
    """Return the hit rates of the test split over training seeds, one row per base model and re-ranker.

    Parameters
    ----------
    table : pandas.DataFrame
        Result of `reelrank.report.hit_rates.hit_rate_table`.
    cutoffs : sequence of int

    Returns
    -------
    str
        Empty if there is only one seed.
    """
    test = table[table["split"] == "test"]
    seeds = sorted(test["seed"].astype(int).unique())
    if len(seeds) < 2:
        return ""
    heads = ["base", "re-ranker", *(f"{name}@{n}" for n in cutoffs for name in ("HR", "NDCG"))]
    lines = [
        f"## Over the training seeds {', '.join(map(str, seeds))}",
        "",
        "Mean, and in brackets the least and the most of any seed. The spread is of training alone; "
        "the intervals above are of the users.",
        "",
        "| " + " | ".join(heads) + " |",
        "|---|---|" + "---:|" * (2 * len(cutoffs)),
    ]
    for (base_model, reranker), rows in test.groupby(["base_model", "reranker"], sort=False):
        cells = [_spread(rows.loc[rows["n"] == n, column]) for n in cutoffs for column in ("hit_rate", "ndcg")]
        lines.append(f"| {base_model} | {reranker} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _spread(values):
    mean, least, most = (f"{value:.4f}".removeprefix("0") for value in (values.mean(), values.min(), values.max()))
    return f"{mean} ({least}–{most})"
