"""The random control: seeded draws, one for each user, base model, training seed and split."""

from types import SimpleNamespace

import numpy as np
from planted import ABOUT

from reelrank.data.lists import RankedLists
from reelrank.rerank.random import Reranker


def scores(users, seed=1, split="test", base_model="b", training_seed=1):
    """Return the scores of lists of five items."""
    users = np.array(users, np.int32)
    items = np.tile(np.arange(5, dtype=np.int32), (len(users), 1))
    lists = RankedLists(users, items, np.zeros(items.shape, np.float32))
    reranker = Reranker(
        {"seed": seed}, SimpleNamespace(about={**ABOUT, "base_model": base_model, "seed": training_seed})
    )
    reranker.begin(split, lists)
    return reranker.scores(lists, None)


def test_scores_of_a_user_do_not_depend_on_the_others():
    found = scores([3, 8, 20])
    assert found.shape == (3, 5) and found.dtype == np.float32 and ((found >= 0) & (found < 1)).all()
    np.testing.assert_array_equal(scores([8, 20]), found[1:])
    np.testing.assert_array_equal(scores([3]), found[:1])
    assert len(np.unique(found)) == found.size


def test_each_base_model_seed_and_split_has_draws_of_its_own():
    found = scores([3, 8])
    for other in ({"seed": 2}, {"split": "valid"}, {"base_model": "other"}, {"training_seed": 9}):
        assert (scores([3, 8], **other) != found).any(), other
