"""The table of the ladder: each rung against the rungs below it, and the one primary comparison of a run."""

import numpy as np
import pandas as pd

from reelrank.evaluation.differences import NUMBERS, differences
from reelrank.evaluation.effects import ALL_SEEDS, adjust_family, groups_of_seeds
from reelrank.metrics.ranking import ndcg, nearest_cutoff

KEYS = [
    "dataset", "protocol", "split", "place", "base_model", "seed", "reranker", "rung", "against_base_model", "against",
    "against_rung", "metric", "n",
]  # fmt: skip

#: Places of comparisons. ``primary`` is the one test that is stated before results. ``words`` compares the best list
#: that reads words with the best without text. ``chosen_no_text`` and ``chosen_base_model`` compare the best re-ranked
#: list with simpler ones: the best without text, and the best base list. The other places are the rungs, a family.
PRIMARY, WORDS, RANKING, ITEM_INPUT = "primary", "words", "ranking", "item_input"
CHOSEN_NO_TEXT, CHOSEN_BASE_MODEL = "chosen_no_text", "chosen_base_model"

#: The base list as a re-ranker.
BASE = "identity"

#: What a list of each class may read.
NO_TEXT = frozenset({"interactions", "metadata"})
NO_MODEL = NO_TEXT | {"words"}


def ladder_table(lists, comparisons, contenders, cutoffs, resamples, primary=None):
    """Return one row per comparison, metric and cut-off.

    Parameters
    ----------
    lists : dict
        From `reelrank.evaluation.effects.read_all_ranks`.
    comparisons : list of dict
        ``place``, ``base_model``, ``reranker``, ``rung``, ``against_base_model``, ``against``, ``against_rung``.
    contenders : list of dict
        The lists that the primary comparison chooses from: ``base_model``, ``reranker``, ``reads``.
    cutoffs : sequence of int
    resamples : int
    primary : dict of str to list of str or None, optional
        ``list`` and ``against`` of the primary test: base model and re-ranker, or None for the best on valid.

    Returns
    -------
    pandas.DataFrame
        Columns `KEYS` and `NUMBERS`. The rungs of all base models are one family of tests (Holm); a rung that its
        gate left out equals the one below, has p = 1 and stays in the family. The primary comparison is not adjusted.
    """
    chosen = primary_comparisons(lists, contenders, nearest_cutoff(cutoffs), primary)
    rows = []
    for comparison in [*chosen, *comparisons]:
        for split in ("test",):
            own = lists.get((split, comparison["base_model"], comparison["reranker"]), {})
            other = lists.get((split, comparison["against_base_model"], comparison["against"]), {})
            for seeds in groups_of_seeds([seed for seed in own if seed in other]):
                sides = [[side[seed][0]["rank"] for seed in seeds] for side in (own, other)]
                about = own[seeds[0]][1]
                keys = {key: about[key] for key in ("dataset", "protocol")} | {"split": split, **comparison}
                keys["seed"] = seeds[0] if len(seeds) == 1 else ALL_SEEDS
                rows += [keys | numbers for numbers in differences(*sides, cutoffs, resamples)]
    table = pd.DataFrame(rows, columns=[*KEYS, *NUMBERS])
    table["p_value"] = table["p_value"].mask((table["users"] > 0) & table["p_value"].isna(), 1.0)
    table = adjust_family(table, cutoffs, table["place"].isin([RANKING, ITEM_INPUT]) & table["p_value"].notna())
    return table.astype(dict.fromkeys(["n", "users", "gained", "lost"], "Int64"))


def primary_comparisons(lists, contenders, n, primary=None):
    """Return the comparisons of the best lists on valid by what they read, as `ladder_table` takes them.

    Parameters
    ----------
    lists, contenders, primary
        See `ladder_table`.
    n : int
        Cut-off of the NDCG by which lists are chosen.

    Returns
    -------
    list of dict
        ``primary``: the best list that reads an encoder or a language model against the best that reads neither;
        ``words``: the best of those that read neither against the best without text, which may be the same list;
        ``chosen_no_text`` and ``chosen_base_model``: the best re-ranked list against the best list without text, if
        that is another, and against the best base list. A comparison is left out if one of its sides has no list.
    """
    values = valid_values(lists, contenders, n)

    def best(accepts, is_one=lambda one: True):
        """Return the contender with the highest value among those that read what `accepts` accepts."""
        able = [one for one in contenders if accepts(frozenset(one["reads"])) and is_one(one) and _key(one) in values]
        return max(able, key=lambda one: values[_key(one)], default=None)

    plain, without = best(lambda reads: reads <= NO_TEXT), best(lambda reads: reads <= NO_MODEL)
    models = best(lambda reads: bool(reads & {"encoder", "language_model"}) and "images" not in reads)
    named = {side: primary and primary[side] for side in ("list", "against")}
    tested, against = (
        other if named[side] is None else next((one for one in contenders if list(_key(one)) == named[side]), None)
        for side, other in (("list", models), ("against", without))
    )
    chosen = best(lambda reads: True, lambda one: one["reranker"] != BASE)
    simple = best(lambda reads: True, lambda one: one["reranker"] == BASE)
    other_plain = plain if plain is not None and chosen is not None and _key(plain) != _key(chosen) else None
    pairs = (
        (PRIMARY, tested, against),
        (WORDS, without, plain),
        (CHOSEN_NO_TEXT, chosen, other_plain),
        (CHOSEN_BASE_MODEL, chosen, simple),
    )
    found = []
    for place, own, other in pairs:
        if own is not None and other is not None:
            found.append(
                {
                    "place": place,
                    **{key: own[key] for key in ("base_model", "reranker")},
                    "rung": rung_of(own["reads"]),
                    "against_base_model": other["base_model"],
                    "against": other["reranker"],
                    "against_rung": rung_of(other["reads"]),
                }
            )
    return found


def rung_of(reads):
    """Return the name of the class of a list that reads `reads`."""
    reads = frozenset(reads)
    if reads <= NO_TEXT:
        return "no_text"
    if reads <= NO_MODEL:
        return "words"
    if "images" in reads:
        return "images"
    return "language_model" if "language_model" in reads else "encoder"


def valid_values(lists, contenders, n):
    """Return the mean NDCG@n on valid over users and seeds of the contenders with a list for every user.

    A list for a sample of the users is left out: its mean would differ because of the sample.
    """
    found = {}
    for one in contenders:
        seeds = lists.get(("valid", *_key(one)), {})
        base = lists.get(("valid", one["base_model"], "identity"), {})
        whole = seeds and all(len(ranks) >= len(base[seed][0]) for seed, (ranks, _) in seeds.items() if seed in base)
        if whole and all(len(ranks) for ranks, _ in seeds.values()):
            found[_key(one)] = float(np.mean([ndcg(ranks["rank"].to_numpy(), n).mean() for ranks, _ in seeds.values()]))
    return found


def _key(one):
    return one["base_model"], one["reranker"]
