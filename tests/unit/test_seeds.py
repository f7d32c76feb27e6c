"""Means and spreads over training seeds."""

import pandas as pd

from reelrank.report.seeds import seeds_to_markdown


def rows(rates, base_model="nfm", split="test"):
    """Return one row per seed with these hit rates at 10; NDCG is half of them."""
    return [
        {"split": split, "base_model": base_model, "reranker": "identity", "seed": str(seed), "n": 10,
         "hit_rate": rate, "ndcg": rate / 2}
        for seed, rate in enumerate(rates, 1)
    ]  # fmt: skip


def test_means_and_spreads_of_the_test_split():
    table = pd.DataFrame([*rows([0.1, 0.2, 0.6]), *rows([0.9] * 3, split="valid"), *rows([0.5, 0.5, 0.5], "pop")])
    lines = seeds_to_markdown(table, [10]).splitlines()
    assert lines[0] == "## Over the training seeds 1, 2, 3"
    assert "| nfm | identity | .3000 (.1000–.6000) | .1500 (.0500–.3000) |" in lines
    assert "| pop | identity | .5000 (.5000–.5000) | .2500 (.2500–.2500) |" in lines
    assert lines.index("| base | re-ranker | HR@10 | NDCG@10 |") == len(lines) - 4


def test_one_seed_has_no_spread():
    assert seeds_to_markdown(pd.DataFrame(rows([0.1])), [10]) == ""
