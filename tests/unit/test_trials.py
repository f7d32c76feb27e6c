"""Trials of a search: drawn from ranges, kept in files, the same after a kill, and told in a table."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from reelrank.errors import InputError
from reelrank.evaluation.search_table import best_of, rows_of, to_csv, to_markdown
from reelrank.training.sampling import drawn
from reelrank.training.trials import COMPLETE, FAILED, REPEATED, Trials, search

RANGES = {
    "rate": {"low": 0.001, "high": 1.0, "log": True},
    "size": {"low": 8, "high": 64, "log": False},
    "kind": ["a", "b", "c"],
}
SHIPPED = {"rate": 5.0, "size": 8, "kind": "a"}  # the rate is outside of its range


def value(options):
    """Return a value that is best at rate 0.1, size 64 and kind b."""
    return 1 / (1 + abs(options["rate"] - 0.1)) + options["size"] / 640 + (options["kind"] == "b")


def run(folder, trials=12, value_of=value, ranges=RANGES, shipped=SHIPPED, digest="d", failures=(InputError,)):
    """Return the trials of a search."""
    return search(value_of, shipped, ranges, trials, 3, Trials(folder, digest), failures)


def test_settings_are_in_their_ranges_with_few_digits(tmp_path):
    rows = run(tmp_path)
    assert rows[0]["options"] == SHIPPED and [row["trial"] for row in rows] == list(range(13))
    for options in (row["options"] for row in rows[1:]):
        assert 0.001 <= options["rate"] <= 1 and float(f"{options['rate']:.3g}") == options["rate"]
        assert 8 <= options["size"] <= 64 and isinstance(options["size"], int) and options["kind"] in "abc"
    assert len({json.dumps(row["options"]) for row in rows}) == 13


def test_a_search_finds_better_settings_than_chance_would(tmp_path):
    rows = run(tmp_path, trials=30)
    late = [row["valid_ndcg"] for row in rows[-10:]]
    early = [row["valid_ndcg"] for row in rows[1:11]]
    assert sum(late) / 10 > sum(early) / 10


@pytest.mark.parametrize("seed", range(5))
def test_the_first_trials_are_spread_over_each_range(seed):
    before = []
    for _ in range(10):
        before.append((drawn(RANGES, seed, before), 0.5))
    rates = sorted(np.log10(options["rate"]) for options, _ in before)
    sizes = sorted(options["size"] for options, _ in before)
    assert np.diff([-3, *rates, 0]).max() < 1.2 and np.diff([8, *sizes, 64]).max() < 23
    assert {options["kind"] for options, _ in before} == {"a", "b", "c"}


def test_the_same_seed_draws_the_same_and_another_seed_does_not():
    assert drawn(RANGES, 1, []) == drawn(RANGES, 1, []) != drawn(RANGES, 2, [])


def test_a_longer_search_begins_with_a_shorter_one_and_the_shipped_settings_change_no_draw(tmp_path):
    short, long = run(tmp_path / "a", 12), run(tmp_path / "b", 15, shipped={**SHIPPED, "kind": "b"})
    assert short[1:] == long[1:13]


class Killed(BaseException):
    """Stops a search as a kill does."""


@pytest.mark.parametrize("last", [0, 1, 7, 12])
def test_a_killed_search_ends_with_the_same_trials_and_repeats_none(tmp_path, last):
    calls = []

    def stopping(options):
        """Be killed in the trial after `last`."""
        calls.append(options)
        if len(calls) == last + 2:
            raise Killed
        return value(options)

    whole = run(tmp_path / "whole")
    if last < 12:
        with pytest.raises(Killed):
            run(tmp_path / "killed", value_of=stopping)
    else:
        run(tmp_path / "killed", value_of=stopping)
    before = calls[: last + 1]
    calls.clear()
    assert run(tmp_path / "killed", value_of=lambda options: calls.append(options) or value(options)) == whole
    assert not [options for options in calls if options in before]
    names = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("whole", "killed")]
    assert names[0] == names[1]


def test_trials_of_other_data_or_code_are_removed(tmp_path):
    run(tmp_path, 2)
    assert Trials(tmp_path, "other").rows == [] and list(tmp_path.iterdir()) == []


def test_other_ranges_run_only_what_they_draw_anew(tmp_path):
    run(tmp_path, 2)
    calls = []
    run(tmp_path, 2, ranges={**RANGES, "kind": ["a", "c"]}, value_of=lambda options: calls.append(options) or 0.5)
    assert SHIPPED not in calls


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"digest": "d"}'])
def test_a_damaged_trial_is_named(tmp_path, text):
    (tmp_path / "trial-003.json").write_text(text)
    with pytest.raises(InputError, match=r"trial-003\.json"):
        Trials(tmp_path, "d")


def failing(options):
    """Fail for kind a."""
    if options["kind"] == "a":
        raise InputError("epoch 1: the loss is nan")
    return value(options)


def test_a_failed_trial_has_its_reason_and_the_search_goes_on(tmp_path):
    rows = run(tmp_path, value_of=failing)
    for row in rows:
        failed = row["options"]["kind"] == "a"
        assert row["state"] == (FAILED if failed else COMPLETE) and (row["valid_ndcg"] is None) == failed
        assert row["reason"] == ("epoch 1: the loss is nan" if failed else None)
    assert run(tmp_path, value_of=failing) == rows
    with pytest.raises(ZeroDivisionError):  # a bug is no failed trial
        run(tmp_path / "bug", value_of=lambda options: 1 / 0)


def test_a_search_in_which_all_trials_fail_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"found no trial that ended.* the loss is nan"):
        run(tmp_path, 2, value_of=failing, ranges={"kind": ["a", "a"]}, shipped={"kind": "a"})


def test_where_all_choices_were_tried_a_value_is_copied(tmp_path):
    calls = []
    rows = run(
        tmp_path,
        6,
        ranges={"kind": ["a", "b", "c"]},
        shipped={"kind": "b"},
        value_of=lambda options: calls.append(options) or float(options["kind"] == "b"),
    )
    assert len(calls) == 3 and len(rows) == 7
    assert {row["options"]["kind"] for row in rows[1:4]} == {"a", "b", "c"}, "new settings come first"
    assert [row["state"] for row in rows[4:]] == [REPEATED] * 3
    assert all(row["valid_ndcg"] == (row["options"]["kind"] == "b") for row in rows)


def trial(number, value, kind, state=COMPLETE, reason=None):
    """Return a trial."""
    return {
        "trial": number,
        "state": state,
        "options": {"kind": kind, "rate": 1e-05},
        "valid_ndcg": value,
        "reason": reason,
    }


def test_the_best_trial_is_the_first_with_the_highest_value():
    assert best_of([trial(0, 0.1, "a"), trial(1, 0.3, "b"), trial(2, 0.3, "c")])["trial"] == 1
    assert best_of([trial(0, 0.3, "a"), trial(1, 0.3, "b")])["trial"] == 0, "equal is no reason to change"
    assert best_of([trial(0, 0.3, "a"), trial(1, 0.2, "b"), trial(2, 0.3, "a", REPEATED)])["trial"] == 2
    assert best_of([trial(0, None, "a", FAILED), trial(1, 0.0, "b")])["trial"] == 1


def test_the_table_has_every_trial():
    trials = [trial(0, 0.1, "a"), trial(1, None, "b", FAILED, "no, it\n failed"), trial(2, 0.3, "c")]
    table = pd.read_csv(io.StringIO(to_csv(rows_of("models", "m", trials))))
    assert table["trial"].tolist() == [0, 1, 2] and table["best"].tolist() == [False, False, True]
    assert table["shipped"].tolist() == [True, False, False] and table["valid_ndcg"].isna().tolist() == [
        False,
        True,
        False,
    ]
    assert json.loads(table["options"][2]) == {"kind": "c", "rate": 1e-05}


def test_the_page_has_what_is_copied():
    found = [
        ("models", "m", None, {"users": 1200, "trials": [trial(0, 0.1, "a"), trial(1, 0.3, "b")]}),
        ("models", "m_ids", "m", {"users": 1200, "trials": [trial(0, 0.1, "a"), trial(1, 0.2, "c")]}),
        ("rerankers", "f", None, {"users": 1200, "trials": [trial(0, 0.3, "a"), trial(1, 0.2, "c")]}),
        ("rerankers", "g", None, {"users": 1200, "trials": [trial(0, None, "a", FAILED), trial(1, 0.2, "c")]}),
    ]
    page = to_markdown(found, "sample leave_one_out", ["h"], "nfm", "snakemake x")
    assert "| m |  | 2 | 0 | 1,200 | 0.10000 | 0.30000 | +0.20000 | 1 |" in page
    assert 'models:\n  m:   # trial 1 of search.csv\n    kind: "b"\n    rate: 1.0e-05' in page
    assert "m_ids is built from m" in page and "f keeps its shipped settings: no trial beats them." in page
    assert "| g | nfm | 2 | 1 | 1,200 | failed | 0.20000 |  | 1 |" in page
    assert "Not searched: h, since search.over (nfm)" in page and page.endswith("    snakemake x\n")
