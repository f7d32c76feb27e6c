"""The laws of scale are recovered from simulated measurements, and nothing is predicted where they are too noisy."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
import scale_table
from scale_fit import TARGETS, describe, fit, largest_error

SIZES = [
    (1_000, 1_000, 100), (3_000, 1_000, 100), (10_000, 1_000, 25), (10_000, 1_000, 100), (10_000, 1_000, 200),
    (10_000, 3_000, 100), (10_000, 10_000, 100), (30_000, 1_000, 100), (30_000, 10_000, 100), (100_000, 1_000, 100),
]  # fmt: skip

LAWS = {
    "users x items": lambda u, i, c: 2 + 3e-6 * u * i**0.8,
    "users + items": lambda u, i, c: 150 + 8e-6 * u * c + 3e-2 * i,
}


@pytest.mark.parametrize("form", LAWS)
@pytest.mark.parametrize("seed", range(3))
def test_a_law_is_found_and_extrapolated(form, seed):
    noise = np.exp(np.random.default_rng(seed).normal(0, 0.03, len(SIZES)))
    found = fit(SIZES, [LAWS[form](*size) * one for size, one in zip(SIZES, noise, strict=True)])
    assert found.form == form
    value, factor = found.predict((1_000_000, 90_000, 100))
    truth = LAWS[form](1_000_000, 90_000, 100)
    assert abs(np.log(value / truth)) < 3 * np.log(factor) and 1.03 < factor < 3


def rows(values, quantity="seconds"):
    """Return measurements of one job."""
    return [(quantity, "job", *size, value) for size, value in zip(SIZES, values, strict=True)]


def test_the_largest_run_is_compared_with_what_the_others_predict():
    values = [LAWS["users x items"](*size) for size in SIZES]
    values[8] *= 4  # that of most users x items
    assert largest_error(rows(values)) == pytest.approx(4, rel=0.1)


def test_a_quantity_that_hardly_grew_is_flat():
    [law] = describe(rows([1.0 + 0.01 * number for number, _ in enumerate(SIZES)]), 7.2)
    assert law["law"] == "flat" and not set(TARGETS) & set(law)


def test_noise_predicts_nothing():
    noise = np.exp(np.random.default_rng(1).normal(0, 1, len(SIZES)))
    [law] = describe(rows(noise), 7.2)
    assert law["law"] in LAWS and "full release" not in law


def test_few_sizes_give_no_law():
    assert fit(SIZES[:2], [1.0, 2.0]) is None
    assert np.isnan(largest_error(rows([1.0] * len(SIZES))[:2]))
    [law] = describe(rows([1.0] * len(SIZES))[:2], 7.2)
    assert law == {"quantity": "seconds", "job": "job", "runs": 2, "least": 1.0, "most": 1.0}


def test_a_file_of_laws_is_read_as_it_was_written(tmp_path):
    laws = describe(rows([LAWS["users x items"](*size) for size in SIZES]), 7.2)
    laws += describe(rows([1.0] * len(SIZES), "MiB of memory"), 7.2)
    scale_table.write(laws, tmp_path / "laws.csv")
    read = scale_table.read(tmp_path / "laws.csv")
    assert [set(law) for law in read] == [set(law) for law in laws]
    assert read[0]["full release"] == pytest.approx(laws[0]["full release"], rel=0.05)
    scale_table.write(read, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text() == (tmp_path / "laws.csv").read_text()


def test_the_table_shows_predictions_with_units():
    job = scale_table.JOBS["audit"]
    laws = [
        {"quantity": "seconds", "job": job, "law": "users x items", "full release": 7600.0, "full release factor": 1.7},
        {"quantity": "MiB of memory", "job": job, "law": "flat", "most": 1200.0},
    ]
    [line] = [line for line in scale_table.table(laws).splitlines() if line.startswith("| audit")]
    assert line == "| audit | not predicted | at least 1.2 GiB | 2.1 h (x/÷ 1.7) | at least 1.2 GiB |"
