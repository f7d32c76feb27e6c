"""Parts of the report: printed numbers, LaTeX, the shown config, benchmark files, figures' counts."""

import math
import os
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelrank.report import hit_rates as tables
from reelrank.report import values
from reelrank.report.benchmarks import by_stage, read_benchmarks, reranking_seconds
from reelrank.report.effect_figures import bin_labels, moved_counts
from reelrank.report.figures import plot_hit_rate
from reelrank.report.grid import Grid, cell, heads
from reelrank.report.inputs import Run
from reelrank.report.latex import SPECIAL, escape, to_latex, to_markdown
from reelrank.report.redact import shown_text
from reelrank.report.run_tables import audit_grid

NUMBERS = st.one_of(st.floats(), st.none(), st.integers(-(10**9), 10**9))


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (values.number(0.09404), ".0940"), (values.number(-0.5, 2), "-.50"), (values.number(1.0), "1.0000"),
        (values.number(10.25, 1), "10.2"), (values.number(0.0), ".0000"), (values.number(math.nan), "n/a"),
        (values.percent(17.94), "+17.9%"), (values.percent(-3), "−3.0%"), (values.percent(0.001), "0.0%"),
        (values.percent(-0.01, sign=False), "0.0%"), (values.percent(-5.0, sign=False), "−5.0%"),
        (values.interval(-1.26, 24.04, 1), "[−1.3, 24.0]"), (values.interval(None, 1), ""),
        (values.p_value(0.0001), "p < .001"), (values.p_value(0.012), "p = .012"),
        (values.signed(-0.0213), "−.0213"), (values.signed(0.00001), ".0000"), (values.count(12345), "12,345"),
        (values.words(["a"]), "a"), (values.words([1, 2, 3]), "1, 2 and 3"),
    ],
)  # fmt: skip
def test_numbers_are_printed_as_people_read_them(shown, expected):
    assert shown == expected


@given(NUMBERS, NUMBERS)
def test_no_number_is_ever_printed_as_nan(value, other):
    shown = [values.number(value), values.signed(value), values.percent(value), values.count(value)]
    shown += [values.interval(value, other), values.p_value(value), values.short_p(value)]
    assert not any(re.search("nan|inf|None", text) for text in shown)


@given(st.text())
def test_latex_prints_any_text_as_it_is(text):
    escaped = escape(text)
    bare = escaped
    for replacement in sorted(set(SPECIAL.values()), key=len, reverse=True):
        bare = bare.replace(replacement, "")
    assert not set(bare) & set("\\{}$&#%_~^<>|[]\n\r")
    assert escape(text) == "".join(escape(letter) for letter in re.sub(r"\s+", " ", text))


def test_a_latex_table_has_as_many_cells_as_columns():
    grid = Grid("t", heads(["name_1"], ["a & b"]))
    grid.add("100% _x_", cell(0.5, values.number))
    grid.add("[bracket]", cell(None, values.number))
    lines = to_latex(grid, "50% of <all>", "tab:t").splitlines()
    assert "\\begin{tabular}{lr}" in lines and "\\toprule" in lines
    assert lines[-5:-2] == [r"100\% \_x\_ & .5000 \\", r"{[}bracket{]} & n/a \\", "\\bottomrule"]
    assert r"\caption{50\% of \textless{}all\textgreater{}}" in lines


def test_a_markdown_cell_cannot_break_its_row():
    grid = Grid("t", heads(["a"], ["b"]))
    grid.add("x | <b>\ny", "1")
    assert "| x \\| &lt;b> y | 1 |" in to_markdown(grid)


def test_a_row_with_a_cell_too_many_is_refused():
    with pytest.raises(ValueError, match="found 2 cells; expected 1"):
        Grid("t", heads(["a"])).add("1", "2")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://me:pw@host.example/v1?key=1", "https://host.example/v1"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("/home/me/models/llama", "(folder of the machine)/llama"),
        ("C:\\data\\raw", "(folder of the machine)/raw"),
        ("~/raw/ml", "(folder of the machine)/ml"),
        ("meta-llama/Llama", "meta-llama/Llama"),
        ("passage: ", "passage: "),
    ],
)
def test_paths_and_passwords_are_taken_out_of_the_config(text, shown):
    assert shown_text(text) == shown


def test_benchmarks_are_added_up_by_stage_and_bad_files_passed_over(tmp_path):
    head = "s\th:m:s\tmax_rss\n"
    for name, content in {
        "leave_one_out/lists/pop/seed1/random.tsv": head + "2.0\t0:00:02\tNA\n",
        "leave_one_out/lists/nfm/seed1/random.tsv": head + "3.0\t0:00:03\t200.5\n",
        "leave_one_out/split.tsv": head + "1.0\t0:00:01\t-\n",
        "leave_one_out_redrawn/split.tsv": head + "0.5\t0:00:00\t-\n",
        "leave_one_out_redrawn/lists/pop/seed1/random.tsv": head + "0.4\t0:00:00\t-\n",
        "temporal/split.tsv": head + "9.0\t0:00:09\t1\n",
        "prepared/prepare.tsv": head + "4.0\t0:00:04\t300\n",
        "leave_one_out/broken.tsv": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    table = by_stage(read_benchmarks(tmp_path, "leave_one_out")).set_index("stage")
    assert list(table.index) == ["lists/*/random", "prepared/prepare", "split", "audit: lists of redrawn items"]
    assert table.loc["lists/*/random"].tolist() == [2, 5.0, 3.0, 200.5]
    assert by_stage(read_benchmarks(tmp_path / "nowhere", "leave_one_out")).empty


def test_shards_are_one_job_and_those_of_an_earlier_number_do_not_count(tmp_path):
    folder = tmp_path / "leave_one_out/lists/pop/seed1"
    folder.mkdir(parents=True)
    for age, (name, seconds) in enumerate(
        [("a.1-of-3", 9), ("a", 9), ("a.1-of-2", 2), ("a.2-of-2", 3), ("a.all-of-2", 1), ("b.1-of-2", 9), ("b", 4)]
    ):
        path = folder / f"{name}.tsv"
        path.write_text(f"s\th:m:s\tmax_rss\n{seconds}\t0:00:02\t{seconds}00\n")
        os.utime(path, (age, age))
    jobs = read_benchmarks(tmp_path, "leave_one_out")
    table = by_stage(jobs).set_index("stage")
    assert table.loc["lists/*/a"].tolist() == [3, 6.0, 3.0, 300] and table.loc["lists/*/b"].tolist() == [
        1,
        4.0,
        4.0,
        400,
    ]
    assert len(table) == 2 and reranking_seconds(jobs, "leave_one_out", "pop", 1, "a") == 6


def test_moved_ranks_are_counted_in_their_bins():
    counts = moved_counts(np.array([1, 5, 100, 0, 30, 500]), np.array([2, 4, 21, 7, 0, 500]))
    where = {label: place for place, label in enumerate(bin_labels())}
    assert counts.sum() == 4
    assert counts[where["1"], where["2"]] == 1 and counts[where["4–5"], where["4–5"]] == 1
    assert counts[where["51–100"], where["21–50"]] == 1 and counts[where["51–100"], where["51–100"]] == 1


def test_an_audit_that_looked_at_nothing_is_not_said_to_have_passed():
    checks = [{"name": name, "what": "", "passed": True, "rows": rows} for name, rows in (("a", [{}]), ("b", []))]
    grid = audit_grid(Run({}, {}, "leave_one_out", audit={"passed": True, "checks": checks}))
    assert [row[2].text for row in grid.rows] == ["passed", "nothing to look at"]


def test_a_dollar_in_a_title_is_no_mathematics(tmp_path):
    rows = [{"base_model": "pop", "seed": "1", "reranker": "identity", "n": n} for n in (1, 2)]
    table = pd.DataFrame(rows).assign(hit_rate=0.1, ci_low=0.0, ci_high=0.2)
    plot_hit_rate(table, tmp_path / "figure.svg", r"R&D $\frac{x}$ 50% <b>")
    assert r"R&amp;D $\frac{x}$ 50% &lt;b&gt;: hit rate" in (tmp_path / "figure.svg").read_text(encoding="utf-8")


def test_no_name_breaks_the_markdown_of_hit_rates():
    row = {"protocol": "temporal", "split": "test", "base_model": "pop", "seed": "1", "reranker": "identity"}
    numbers = {
        "depth": 20,
        "users": 3,
        "hits": 0,
        "hit_rate": 0.0,
        "ci_low": 0.0,
        "ci_high": 0.6,
        "change_percent": np.nan,
    }
    about = {
        "title": "a <b>",
        "synthetic": False,
        "published": [{"base_model": "x|y", "reranker": "<z>", "hits": {5: 1}}],
    }
    statistics = {"items": 9, "interactions": 12, "users_dropped_too_short": 0, "min_interactions": 3}
    counts = {"users_without_test_target": 0}
    text = tables.to_markdown(pd.DataFrame([{**row, **numbers, "n": 5}]), [5], about, statistics, counts)
    assert "# Hit rates on a &lt;b>" in text and r"| x\|y | &lt;z> (*published*) |" in text
