"""What a finished run prints last."""

import io
import json
from types import SimpleNamespace

import pytest
from report_fixture import write_run

from reelrank.report.inputs import read_run
from reelrank.report.verdict import verdict
from reelrank.running.closing_lines import lines, show


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    inputs, _, settings = write_run(tmp_path_factory.mktemp("run"))
    return verdict(read_run(inputs, settings))


def test_it_has_the_headline_and_the_best_lists_first(found):
    assert found["sentence"] and "synthetic" in found["title"]
    values = [float(row[2]) for row in found["rows"][:5]]
    assert values == sorted(values, reverse=True) and len(values) == 5
    assert any(row[1] == "identity" for row in found["rows"]), "the base list of the chosen one"
    assert all(isinstance(cell, str) for row in found["rows"] for cell in row)
    assert "$" in found["cost"] or "not known" in found["cost"] or "no language model" in found["cost"]
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("columns", [100, 80, 40])
def test_no_line_is_wider_than_the_terminal(found, columns):
    told = lines(found, columns, "results/report.html")
    assert max(map(len, told)) <= columns
    assert told[-1] == "Report: results/report.html"
    assert any(row[1][:8] in line for row in found["rows"] for line in told)


def test_only_finished_reports_are_shown(found, tmp_path):
    path = tmp_path / "verdict.json"
    path.write_text(json.dumps(found))
    report = SimpleNamespace(
        rule=SimpleNamespace(name="report"), output=SimpleNamespace(html="a/report.html", verdict=path)
    )
    other = SimpleNamespace(rule=SimpleNamespace(name="train"), output=None)
    stream = io.StringIO()
    show([other], stream)
    assert stream.getvalue() == ""
    show([report, other], stream)
    assert stream.getvalue().endswith("Report: a/report.html\n") and found["sentence"][:30] in stream.getvalue()
