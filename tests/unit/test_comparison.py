"""Two runs side by side."""

import shutil

import compare
import pandas as pd
import pytest
import report
from report_fixture import write_run

from reelrank.errors import InputError


def finished(folder, **options):
    """Return the results folder of a made-up run with its report."""
    inputs, outputs, settings = write_run(folder, **options)
    report.main({**inputs, "figures": []}, outputs, settings)
    return outputs["html"].parent


def compared(tmp_path, *folders):
    """Return the Markdown and the CSV of a comparison."""
    outputs = {"md": tmp_path / "comparison.md", "csv": tmp_path / "comparison.csv"}
    compare.main([str(folder) for folder in folders], outputs)
    return outputs["md"].read_text(), pd.read_csv(outputs["csv"])


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """Return the folder of a run."""
    return finished(tmp_path_factory.mktemp("first"))


def copied(first, tmp_path):
    """Return a copy of the folder of a run."""
    return shutil.copytree(first, tmp_path / "second")


def test_a_run_is_the_same_as_itself(first, tmp_path):
    text, numbers = compared(tmp_path, first, first)
    assert "The configs are the same." in text and "\n## Numbers on test: 0 of " in text
    assert len(numbers) > 100
    assert (numbers["difference"] == 0).all() and (numbers["found_in"] == "both").all()


def test_what_changed_is_told(first, tmp_path):
    factors = {"random": None, "zscore": 0.6, "all-MiniLM-L6-v2": 1.3}
    text, numbers = compared(tmp_path, first, finished(tmp_path / "second", bases=("pop",), factors=factors))
    assert "| run.base_models | [pop, dssm, nfm] | [pop] |" in text
    assert "| rerankers.gpt-4o-mini.type | generative | (not there) |" in text
    assert "only in the first" in text and "nan" not in text.lower()
    row = numbers.query("split == 'test' and base_model == 'pop' and reranker == 'zscore' and n == 10")
    row = row[row["metric"] == "ndcg"].iloc[0]
    assert row["found_in"] == "both" and row["difference"] == pytest.approx(row["second"] - row["first"], abs=2e-6)
    alone = numbers[numbers["base_model"] == "nfm"]
    assert set(alone["found_in"]) == {"first"} and alone["second"].isna().all()


def test_other_data_are_said_to_be_other_data(first, tmp_path):
    second = copied(first, tmp_path)
    table = second / "tables" / "hit_rate.csv"
    table.write_text(table.read_text().replace("leave_one_out", "temporal"))
    text, _ = compared(tmp_path, first, second)
    assert "**The protocols differ** (leave_one_out; temporal): the numbers below are not comparable." in text
    assert "datasets differ" not in text


@pytest.mark.parametrize("name", ["config.yaml", "tables/hit_rate.csv"])
def test_a_missing_file_is_named_with_its_folder(first, tmp_path, name):
    second = copied(first, tmp_path)
    (second / name).unlink()
    with pytest.raises(InputError, match=f"second.* holds no file {name}"):
        compared(tmp_path, first, second)
    assert not (tmp_path / "comparison.md").exists()


def test_two_folders_that_are_there_are_wanted(first, tmp_path):
    with pytest.raises(InputError, match=r"runs: found no folder .*nowhere"):
        compared(tmp_path, first, tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"runs: found .* expected two folders"):
        compared(tmp_path, first)


def test_a_config_that_is_none_is_named(first, tmp_path):
    second = copied(first, tmp_path)
    (second / "config.yaml").write_text("a: [")
    with pytest.raises(InputError, match=r"config\.yaml: found invalid YAML"):
        compared(tmp_path, first, second)
