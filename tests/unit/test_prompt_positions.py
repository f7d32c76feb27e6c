"""Whether the order of a prompt decides a model's answers, and what they cost: tables whose numbers are known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from reelrank.data.lists import RankedLists, write_lists
from reelrank.data.tables import LIST_METADATA, read_table, write_table
from reelrank.evaluation.answer_quality import ANSWER_COLUMNS, answer_row, has_order, position_rows
from reelrank.evaluation.cost import COLUMNS, cost_row, count_users
from reelrank.evaluation.csv_rows import KEYS, to_csv
from reelrank.llm.answers.parsed_lists import COUNTS

ABOUT = dict.fromkeys(KEYS, "x")


@pytest.fixture
def table(tmp_path):
    """Return a function that makes a table of a contract of rows, by the file that holds it."""

    def make(name, rows, **metadata):
        columns = {column: [row[column] for row in rows] for column in (rows[0] if rows else EMPTY[name])}
        write_table(columns, name, tmp_path / "table.parquet", metadata)
        return read_table(tmp_path / "table.parquet", name)

    return make


def parsed(user, shown, order, permutation=0, step=0, fault="none", **counts):
    return {
        "user": user, "permutation": permutation, "step": step, "fault": fault,
        **dict.fromkeys(COUNTS, 0), **counts, "shown": shown, "order": order,
    }  # fmt: skip


def answer(key, tokens, user=0):
    return {
        "user": user, "permutation": 0, "step": 0, "key": key, "text": "", "finish_reason": "stop", "logprobs": None,
        "input_tokens": tokens[0], "output_tokens": tokens[1], "model": "m", "fingerprint": "", "latency_s": 0.1,
        "attempt": 1,
    }  # fmt: skip


EMPTY = {"parsing": parsed(0, [], []), "answers": answer("", (0, 0))}


def series(values):
    return pd.Series(list(values.values()), index=pd.Index(list(values), name="user"))


def test_positions_by_hand(table):
    parsing = table(
        "parsing",
        [
            parsed(3, [2, 0, 1], [0, 1, 2]),  # the truth, at place 0 of the base list, is shown second
            parsed(5, [0, 1, 2], [0, 1, 2]),  # shown first
            parsed(6, [0, 2, 1], [0, 1, 2]),  # shown third
            parsed(8, [0, 2, 1], [0, 1, 2]),  # not among the candidates
        ],
    )
    rank, base = series({3: 1, 5: 2, 6: 11, 8: 0, 9: 1}), series({3: 1, 5: 1, 6: 2, 8: 0, 9: 1})
    rows = position_rows(parsing, ABOUT, rank, base, 10)
    assert [(row["position"], row["users"], row["shown"], row["hit_rate"]) for row in rows] == [
        (1, 1, 1, 1.0),
        (2, 1, 1, 1.0),
        (3, 1, 1, 0.0),
    ]


def test_permutations_count_each_and_the_last_window_decides(table):
    parsing = table(
        "parsing",
        [
            parsed(3, [2, 3], [0, 1], permutation=0, step=0),
            parsed(3, [0, 2], [0, 1], permutation=0, step=1),  # shown again: second
            parsed(3, [2, 3], [0, 1], permutation=1, step=0),  # first, and then no more
            parsed(3, [0, 1], [0, 1], permutation=1, step=1),
            parsed(4, [3, 2], [0, 1], permutation=0, step=0),
            parsed(4, [2, 3], [0, 1], permutation=1, step=0),
        ],
    )
    rows = position_rows(parsing, ABOUT, series({3: 1, 4: 0}), series({3: 3, 4: 3}), 10)
    assert [(row["position"], row["users"], row["shown"], row["hit_rate"]) for row in rows] == [
        (1, 2, 2, 0.5),
        (2, 2, 2, 0.5),
    ]


def test_one_candidate_at_a_time_has_no_position(table):
    parsing = table("parsing", [parsed(3, [0], [0]), parsed(3, [1], [0], step=1)])
    assert position_rows(parsing, ABOUT, series({3: 1}), series({3: 1}), 10) == []


@pytest.mark.parametrize(("strategy", "expected"), [("listwise", True), ("letter_logits", True), ("pointwise", False)])
def test_strategies_that_show_an_order(table, strategy, expected):
    assert has_order(table("answers", [answer("a", (1, 1))], options=f'{{"strategy": "{strategy}"}}')) == expected


def test_answers_by_hand(table):
    parsing = table(
        "parsing",
        [
            parsed(0, [0, 1, 2], [0, 1, 2], fault="unchanged_order"),
            parsed(1, [0, 1, 2], [2, 1, 0]),
            parsed(2, [0, 1, 2], [2, 0, 1], fault="missing", missing=1),  # 2, 0 were returned
            parsed(3, [0, 1, 2], [1, 0, 2], fault="truncated", missing=2, prose_around=1),  # only one: not compared
            parsed(4, [0, 1, 2], [0, 1, 2], fault="empty", missing=3),
            parsed(5, [0, 1, 2], [1, 2, 0], fault="repeated", repeated=4, unknown=2, out_of_range=1),
        ],
    )
    row = answer_row(parsing, ABOUT, "test", True)
    assert (row["requests"], row["compared"], row["unchanged_share"]) == (6, 4, 0.25)
    assert row["order_correlation"] == pytest.approx((1 - 1 - 1 - 0.5) / 4)
    counted = {name: value for name, value in row.items() if name.startswith("fault_") and value}
    assert counted == dict.fromkeys(
        ["fault_unchanged_order", "fault_none", "fault_missing", "fault_truncated", "fault_empty", "fault_repeated"], 1
    )
    assert [row[name] for name in COUNTS] == [6, 4, 2, 1, 1]
    assert set(row) == {*KEYS, *ANSWER_COLUMNS}


@given(st.lists(st.tuples(st.permutations(range(6)), st.integers(0, 6)), min_size=1, max_size=5))
def test_correlations_are_those_of_scipy(orders):
    import pyarrow as pa

    rows = [parsed(user, list(range(6)), list(order), missing=lost) for user, (order, lost) in enumerate(orders)]
    parsing = pa.table({"missing": [r["missing"] for r in rows], "order": [r["order"] for r in rows]})
    parsing = parsing.append_column("fault", pa.array(["none"] * len(rows)))
    for name in COUNTS[1:]:
        parsing = parsing.append_column(name, pa.array([0] * len(rows)))
    row = answer_row(parsing, ABOUT, "test", True)
    expected = [spearmanr(order[: 6 - lost], range(6 - lost)).statistic for order, lost in orders if 6 - lost > 1]
    assert row["compared"] == len(expected)
    if expected:
        assert row["order_correlation"] == pytest.approx(np.mean(expected))
        assert row["unchanged_share"] == np.mean(np.isclose(expected, 1))


def test_nobody_was_asked(table):
    parsing = table("parsing", [])
    assert position_rows(parsing, ABOUT, series({3: 1}), series({3: 1}), 10) == []
    row = answer_row(parsing, ABOUT, "test", True)
    assert row["requests"] == 0 and "nan" not in to_csv([row], ANSWER_COLUMNS)
    row = cost_row(ABOUT, 0, [table("answers", [])], (1.0, 1.0))
    assert row["usd"] == 0 and to_csv([row], COLUMNS).splitlines()[1].endswith(",0,0,0,0,0.000000,,,,,,")


def test_cost_by_hand(table):
    answers = [
        table("answers", [answer("a", (1000, 100)), answer("b", (500, 50), user=1)]),
        table("answers", [answer("a", (1000, 100))]),  # the same request: paid once
    ]
    row = cost_row(ABOUT, 3, answers, (2.0, 10.0))
    assert (row["requests"], row["input_tokens"], row["output_tokens"]) == (3, 1500, 150)
    assert row["usd"] == pytest.approx((1500 * 2 + 150 * 10) / 1e6)
    assert row["usd_per_1000_users"] == pytest.approx(1.5) and row["requests_per_1000_users"] == 1000


def test_a_list_waits_for_the_sum_of_its_requests(table):
    steps = [answer("a", (1, 1)), answer("b", (1, 1)), answer("c", (1, 1), user=1)]
    for step, latency in zip(steps, (0.5, 0.25, 3.0), strict=True):
        step["latency_s"] = latency
    row = cost_row(ABOUT, 2, [table("answers", steps)], None)
    assert row["ms_p50"] == pytest.approx((750 + 3000) / 2) and 2800 < row["ms_p95"] <= 3000
    assert np.isnan(cost_row(ABOUT, 2, [], None)["ms_p50"])


def test_no_price_and_no_request(table):
    unknown = cost_row(ABOUT, 2, [table("answers", [answer("a", (1000, 100))])], None)
    assert np.isnan(unknown["usd"]) and to_csv([unknown], COLUMNS).splitlines()[1].split(",")[9] == ""
    assert cost_row(ABOUT, 2, [], (0.0, 0.0))["usd_per_1000_users"] == 0


def test_users_of_a_list_are_counted(tmp_path):
    lists = RankedLists(np.array([2, 5], np.int32), np.array([[1, 0], [4, -1]], np.int32), np.zeros((2, 2), np.float32))
    write_lists(lists, tmp_path / "list.parquet", dict.fromkeys(LIST_METADATA, "x"))
    assert count_users(tmp_path / "list.parquet") == 2
