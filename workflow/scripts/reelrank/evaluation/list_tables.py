"""All tables beyond accuracy."""

from dataclasses import dataclass
from functools import partial

from reelrank.data.lists import read_lists
from reelrank.data.ranks import read_ranks
from reelrank.data.tables import read_table
from reelrank.evaluation import answer_quality, cost
from reelrank.evaluation import list_quality as quality
from reelrank.evaluation import slice_tables as slices
from reelrank.evaluation.slicing import slicings
from reelrank.metrics.ranking import nearest_cutoff

#: Columns of each table, after the keys.
COLUMNS = {
    "list_quality": quality.COLUMNS,
    "slices": slices.COLUMNS,
    "gaps": slices.GAP_COLUMNS,
    "positions": answer_quality.POSITION_COLUMNS,
    "answers": answer_quality.ANSWER_COLUMNS,
    "cost": cost.COLUMNS,
}


@dataclass(frozen=True)
class Place:
    """Paths of the files of one list.

    Attributes
    ----------
    reranker : str
    lists, answers, parsing : dict of str to path
        By split; ``answers`` and ``parsing`` are empty if no model is asked.
    ranks : path
        Ranks on test.
    """

    reranker: str
    lists: dict
    ranks: str
    answers: dict
    parsing: dict


def describe_lists(places, data, users, features, cutoffs, prices):
    """Return the rows of every table.

    Parameters
    ----------
    places : sequence of sequence of Place
        For each base list, all lists over it and itself (``identity``).
    data : reelrank.data.interactions.Interactions
    users : pyarrow.Table
        Of contract ``users``.
    features : tuple of numpy.ndarray or None
        Vectors of the items, from `reelrank.features.matrices.read_features`; None leaves diversity out.
    cutoffs : sequence of int
    prices : dict of str to tuple or None
        By re-ranker; see `reelrank.evaluation.cost.cost_row`.

    Returns
    -------
    dict of str to list of dict
        Keys as in `COLUMNS`.
    """
    queries, popularity = data.queries("test"), data.popularity()
    training = data.training()
    learners = int((training.ends > training.starts).sum())
    features = None if features is None else quality.unit_vectors(*features)
    describe = partial(
        quality.list_quality, cutoffs=cutoffs, popularity=popularity, n_users=learners, features=features
    )
    cuts = slicings(queries, popularity, users)
    n = nearest_cutoff(cutoffs)
    tables = {name: [] for name in COLUMNS}
    for over_base in places:
        base = next(place for place in over_base if place.reranker == "identity")
        (base_lists, base_about), base_ranks = _head(base, cutoffs), read_ranks(base.ranks)[0]
        base_found = describe(base_lists.items)
        for place in over_base:
            lists, about = (base_lists, base_about) if place is base else _head(place, cutoffs)
            tables["list_quality"] += quality.quality_rows(lists, about, base_lists, base_found, cutoffs, describe)
            ranks = read_ranks(place.ranks)[0]
            for cut in cuts:
                rows = slices.slice_rows(ranks, base_ranks, about, cut, queries.users, n)
                gap = slices.gap_row(rows)
                tables["slices"] += rows
                tables["gaps"] += [] if gap is None else [gap]
            asked = {split: read_table(path, "answers") for split, path in place.answers.items()}
            size = sum(map(cost.count_users, place.lists.values()))
            tables["cost"].append(cost.cost_row(about, size, list(asked.values()), prices[place.reranker]))
            for split, path in place.parsing.items():
                parsing, ordered = read_table(path, "parsing"), answer_quality.has_order(asked[split])
                tables["answers"].append(answer_quality.answer_row(parsing, about, split, ordered))
                if split == "test" and ordered:
                    both = ranks["rank"], base_ranks["rank"]
                    tables["positions"] += answer_quality.position_rows(parsing, about, *both, n)
    return tables


def _head(place, cutoffs):
    lists, about = read_lists(place.lists["test"])
    return lists.head(max(cutoffs)), about
