"""A short report for the console: the headline, the best lists and their cost."""

from reelrank.report.headline import caveats, effect, headline
from reelrank.report.result_tables import relative_cell
from reelrank.report.values import count, known, number, short_p

#: Number of best lists that are shown.
BEST = 5


def verdict(run):
    """Return the verdict of a run.

    Parameters
    ----------
    run : reelrank.report.inputs.Run

    Returns
    -------
    dict
        ``title``, ``sentence`` (the headline), ``notes`` (sentences), ``columns`` (names), ``rows`` (cells as text:
        the best lists on test by NDCG@n, and the headline's list with its base list) and ``cost``.
    """
    found = headline(run)
    return {
        "title": f"{run.title}, {run.protocol.replace('_', ' ')}: test lists, the best by NDCG@{run.n} first",
        "sentence": found["sentence"],
        "notes": caveats(run),
        "columns": ["base", "re-ranker", f"NDCG@{run.n}", f"HR@{run.n}", "change of NDCG [95%]", "p (Holm)"],
        "rows": _rows(run, found["choice"]),
        "cost": _cost(run),
    }


def _rows(run, choice):
    values = {
        (base, name): rows.loc[rows["n"] == run.n, ["ndcg", "hit_rate"]].mean()
        for base, name, rows in run.hits_on_test
        if run.kinds[name] != "control"
    }
    best = sorted(values, key=lambda key: -values[key]["ndcg"] if known(float(values[key]["ndcg"])) else 1)
    shown = best[:BEST]
    if choice is not None:
        shown += [
            key for key in best[BEST:] if key in {(choice.base_model, choice.reranker), (choice.base_model, "identity")}
        ]
    return [[*key, *_numbers(run, key, values[key])] for key in shown]


def _numbers(run, key, means):
    row = None if key[1] == "identity" else effect(run, *key, metric="ndcg")
    change, p = "", ""
    if row is not None:
        change = "0 (fixed)" if row["structural_zero"] else relative_cell(row).text
        p = short_p(row["p_adjusted"]) if row["in_family"] and known(row["p_adjusted"]) else ""
    return [number(float(means["ndcg"])), number(float(means["hit_rate"])), change, p]


def _cost(run):
    """Return the cost of the lists as text, in dollars if all prices are known."""
    asked = run.tables["cost"][run.tables["cost"]["requests"] > 0]
    if asked.empty:
        return "Cost: no language model was asked."
    requests, dollars = count(asked["requests"].sum()), asked["usd"].sum(min_count=len(asked))
    price = f"${dollars:,.2f}" if known(float(dollars)) else "dollars unknown: a model is missing in config/prices.yaml"
    return f"Cost: {requests} requests to language models, {price}."
