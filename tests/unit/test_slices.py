"""Slices of users, their metrics and the gaps among them."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_data import interactions_of

from reelrank.evaluation.csv_rows import KEYS, to_csv
from reelrank.evaluation.slice_intervals import largest_gap, paired_difference
from reelrank.evaluation.slice_tables import COLUMNS, GAP_COLUMNS, gap_row, slice_rows
from reelrank.evaluation.slicing import OTHERS, UNKNOWN, Slicing, by_column, by_popularity, slicings, terciles

ABOUT = {**dict.fromkeys(KEYS, "x"), "depth": "20"}


def values_of(found):
    """Return the label of each user."""
    labels, codes = found
    return [labels[code] for code in codes]


def ranks(values, users=None):
    index = pd.Index(range(len(values)) if users is None else users, name="user")
    return pd.DataFrame({"rank": np.asarray(values, np.int64)}, index=index)


def rows_of(own, base, groups, n=10, **about):
    labels = tuple(sorted(set(groups)))
    slicing = Slicing("group", labels, np.array([labels.index(group) for group in groups]))
    return slice_rows(ranks(own), ranks(base), ABOUT | about, slicing, np.arange(len(groups)), n)


def test_terciles():
    assert values_of(terciles(np.array([9, 1, 5, 4, 6, 2]))) == ["6-9", "1-2", "4-5", "4-5", "6-9", "1-2"]
    assert values_of(terciles(np.array([3.5, 0.25, 8, -1]))) == ["3.5", "-1 to 0.25", "8", "-1 to 0.25"]


def test_terciles_with_ties_keep_equal_numbers_together():
    assert values_of(terciles(np.array([3, 3, 3, 3, 3, 7]))) == ["3"] * 5 + ["7"]
    assert values_of(terciles(np.array([4, 4]))) == ["4", "4"]
    assert values_of(terciles(np.array([1, 5, 5, 5, 5, 5]))) == ["1-5"] * 6


@given(st.lists(st.integers(-5, 30), min_size=1, max_size=40))
def test_terciles_are_ordered_and_hold_everybody(values):
    labels, codes = terciles(np.array(values))
    assert len(codes) == len(values) and codes.min() >= 0 and codes.max() < 3
    order = np.argsort(values, kind="stable")
    assert (np.diff(codes[order]) >= 0).all()
    for value, code in zip(values, codes, strict=True):
        assert {code} == {other for same, other in zip(values, codes, strict=True) if same == value}
        assert labels[code]


def test_popularity_of_the_held_out_item():
    popularity = np.array([40, 20, 10, 10, 10, 5, 5, 0])  # 100: the head holds 40 > 20%, the tail 5 + 5 and the tens
    labels, codes = by_popularity(popularity, np.array([0, 1, 2, 5, 7]))
    assert labels == ["cold (0)", "tail (5-10)", "middle (20)", "head (40)"]
    assert codes.tolist() == [3, 2, 1, 1, 0]
    assert values_of(by_popularity(np.array([2, 2, 2]), np.array([0]))) == ["middle (2)"], "all alike: neither"


@pytest.mark.parametrize(
    ("name", "column", "expected"),
    [
        ("gender", pa.array(["M", "F", None, "", " M"]), ["M", "F", UNKNOWN, UNKNOWN, "M"]),
        ("age", pa.array([17, 18, 24, 55, 56, None]), ["under 18", "18-24", "18-24", "50-55", "56+", UNKNOWN]),
        ("children", pa.array([2, 0, None, 2]), ["2", "0", UNKNOWN, "2"]),
        ("income", pa.array([float(v) for v in range(12)] + [np.nan, np.inf]),
         ["0-3"] * 4 + ["4-7"] * 4 + ["8-11"] * 4 + [UNKNOWN] * 2),
        ("member", pa.array([True, None, False]), ["true", UNKNOWN, "false"]),
        ("city", pa.array([None, None], pa.string()), [UNKNOWN, UNKNOWN]),
        ("city", pa.array(["unknown", "Zagreb", None]), [UNKNOWN, "Zagreb", UNKNOWN]),
    ],
)  # fmt: skip
def test_any_column_is_cut(name, column, expected):
    labels, _ = found = by_column(name, column)
    assert values_of(found) == expected
    assert UNKNOWN not in labels[:-1] or labels.index(UNKNOWN) == len(labels) - 2, "unknown stands last"


def test_rare_values_of_many_are_lumped():
    names = [f"v{number:03d}" for number in range(80)]
    found = values_of(by_column("zip", pa.array([*names, *names[60:]])))
    assert found.count(OTHERS) == 80 - 49 and len(set(found)) == 50
    assert OTHERS not in found[60:80], "the most frequent are kept"


def test_a_new_column_of_users_is_a_slicing():
    data = interactions_of([[0, 1, 2], [1, 0, 2, 3], [0, 2, 4]], n_items=5)
    users = pa.table(
        {
            "user": [0, 1, 2],
            "user_id": ["a", "b", "c"],
            "length": [3, 4, 3],
            "shoe": ["L", None, "S"],
            "history_length": [1, 2, 3],
        }
    )
    made = {
        one.name: [one.labels[code] for code in one.codes]
        for one in slicings(data.queries("test"), data.popularity(), users)
    }
    assert made == {
        "history_length": ["2", "3", "2"],
        "item_popularity": ["cold (0)", "cold (0)", "cold (0)"],
        "shoe": ["L", UNKNOWN, "S"],
        "user history_length": ["1", "2", "3"],
    }


def test_no_cold_slice_without_cold_users():
    data = interactions_of([[2, 1, 0], [0, 1, 2]], n_items=3)
    users = pa.table({"user": [0, 1]})
    [popularity] = [
        one for one in slicings(data.queries("test"), data.popularity(), users) if one.name == "item_popularity"
    ]
    assert not any(label.startswith("cold") for label in popularity.labels)


def test_values_by_hand():
    rows = rows_of([1, 0, 3, 11], [0, 2, 3, 1], ["a", "a", "a", "b"])
    first, second = rows
    assert (first["slice"], first["position"], first["users"], first["small"]) == ("a", 1, 3, True)
    assert first["hit_rate"] == pytest.approx(2 / 3)
    assert first["ndcg"] == pytest.approx((1 + 0.5) / 3)
    assert first["difference"] == 0 and first["difference_low"] == -first["difference_high"] < 0
    assert (second["hit_rate"], second["difference"]) == (0, -1)
    assert second["difference_low"] == -1 and second["difference_high"] < 0.8, "on the side of the loss"


def test_users_of_a_sample_are_compared_to_the_same_users():
    slicing = Slicing("group", ("a", "b"), np.array([0, 0, 1]))
    rows = slice_rows(ranks([1], [7]), ranks([1, 0, 1], [3, 7, 9]), ABOUT, slicing, np.array([3, 7, 9]), 10)
    assert [(row["slice"], row["users"], row["difference"]) for row in rows] == [("a", 1, 1.0)]


def test_what_cannot_change_has_no_width():
    for about in ({"reranker": "identity"}, {"depth": "10"}):
        [row] = rows_of([1, 0], [1, 0], ["a", "a"], **about)
        assert (row["difference"], row["difference_low"], row["difference_high"]) == (0, 0, 0)


def test_small_slices_are_marked_and_in_no_gap():
    groups = ["a"] * 30 + ["b"] * 29 + ["c"] * 31 + [UNKNOWN] * 40 + [OTHERS] * 40
    own = [1] * 30 + [0] * 29 + [0] * 31 + [0] * 80
    rows = rows_of(own, own, groups)
    assert {row["slice"]: row["small"] for row in rows} == {
        "a": False,
        "b": True,
        "c": False,
        UNKNOWN: False,
        OTHERS: False,
    }
    gap = gap_row(rows)
    assert (gap["best"], gap["worst"], gap["gap"]) == ("a", "c", 1.0) and 0.5 < gap["gap_low"] < 1 == gap["gap_high"]
    assert gap_row([row for row in rows if row["slice"] != "c"]) is None


def test_no_hit_at_all():
    rows = rows_of([0] * 80, [0] * 80, ["a"] * 40 + ["b"] * 40)
    gap = gap_row(rows)
    assert (gap["gap"], gap["gap_low"], gap["best"], gap["worst"]) == (0, 0, "a", "b") and gap["gap_high"] < 0.2
    text = to_csv(rows, COLUMNS) + to_csv([gap], GAP_COLUMNS)
    assert "nan" not in text.lower() and ",," not in text and "-0.0000" not in text.replace("-0.0475", "")


def test_coverage_of_the_paired_interval_with_few_discordant_users():
    rng = np.random.default_rng(3)
    gained, lost = 0.02, 0.01
    draws = rng.multinomial(200, [gained, lost, 1 - gained - lost], 2000)
    inside = [low <= gained - lost <= high for low, high in (paired_difference(up, down, 200) for up, down, _ in draws)]
    assert 0.93 < np.mean(inside) < 0.99
    low, high = paired_difference(3, 1, 100)  # (4 - 2) / 102 and 1.96 sqrt((6 - 4/102) / 102 / 102)
    assert (low, high) == pytest.approx((0.019608 - 0.046913, 0.019608 + 0.046913), abs=1e-5)
    assert paired_difference(0, 0, 0) == (-1, 1)


@pytest.mark.parametrize("rates", [[0.05] * 3, [0.3] * 8, [0.02, 0.1], [0.3, 0.1, 0.1, 0.12]])
def test_the_interval_of_a_gap_knows_that_it_was_looked_for(rates):
    """It holds the true gap in at least about 95 of 100 tables, 0 where there is none."""
    rng = np.random.default_rng(len(rates))
    users = np.resize([40, 120, 300], len(rates))
    true = max(rates) - min(rates)
    found = [largest_gap(rng.binomial(users, rates), users) for _ in range(1000)]
    assert np.mean([low <= true + 1e-12 and true <= high for *_, low, high in found]) > 0.935
    assert all(low <= gap <= high for *_, gap, low, high in found)


def test_a_gap_that_is_there_is_found():
    *_, gap, low, high = largest_gap([10, 60, 12], [200, 200, 200])
    assert gap == pytest.approx(0.25) and 0.1 < low < 0.25 < high < 0.4
