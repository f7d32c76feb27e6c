"""The laws of scale are found again in made-up measurements, and nothing is foretold that they do not tell."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
from scale_fit import fit, missed, report

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
def test_a_law_is_found_and_carried(form, seed):
    noise = np.exp(np.random.default_rng(seed).normal(0, 0.03, len(SIZES)))
    found = fit(SIZES, [LAWS[form](*size) * one for size, one in zip(SIZES, noise, strict=True)])
    assert found.form == form
    value, factor = found.foretell((1_000_000, 90_000, 100))
    truth = LAWS[form](1_000_000, 90_000, 100)
    assert abs(np.log(value / truth)) < 3 * np.log(factor) and 1.03 < factor < 3


def rows(values, quantity="seconds"):
    """Return measurements of one job."""
    return [(quantity, "job", *size, value) for size, value in zip(SIZES, values, strict=True)]


def test_the_largest_run_tells_what_the_law_missed():
    values = [LAWS["users x items"](*size) for size in SIZES]
    values[8] *= 4  # that of most users x items
    assert missed(rows(values)) == pytest.approx(4, rel=0.1)


def test_what_did_not_grow_foretells_nothing():
    last = report(rows([1.0 + 0.01 * number for number, _ in enumerate(SIZES)]), 7.2).splitlines()[-1]
    assert last.count(">= 1.1") == 3


def test_what_may_be_anything_is_not_foretold():
    noise = np.exp(np.random.default_rng(1).normal(0, 1, len(SIZES)))
    last = report(rows(noise), 7.2).splitlines()[-1]
    assert last.endswith("| not foretold |")


def test_few_sizes_tell_no_law():
    assert fit(SIZES[:2], [1.0, 2.0]) is None
    assert np.isnan(missed(rows([1.0] * len(SIZES))[:2]))
