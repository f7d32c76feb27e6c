"""The parser: whatever a model wrote gives a permutation, and the right fault."""

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from reelrank.llm.answers.rankings import FAULTS, parse

CORPUS = yaml.safe_load((Path(__file__).parents[1] / "data" / "answers.yaml").read_text(encoding="utf-8"))


def letters(indices):
    """Return labels as a word."""
    return "".join(chr(ord("A") + index) for index in indices)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case["text"][:30].encode("unicode_escape").decode())
def test_the_corpus(case):
    n = case.get("n", 4)
    parsed = parse(case["text"], n, case.get("finish", ""))
    returned = [index for index in parsed.order if parsed.raw_ranks[index]]
    assert letters(returned) == case["order"]
    assert parsed.faults == frozenset(case["faults"])
    assert sorted(parsed.order) == list(range(n))
    assert parsed.fault == min(case["faults"], key=FAULTS.index)


def test_the_corpus_is_large_and_meets_every_fault():
    assert len(CORPUS) >= 80 and len({case["text"] for case in CORPUS}) >= 80
    assert {fault for case in CORPUS for fault in case["faults"]} == set(FAULTS)


def test_raw_ranks_count_what_older_systems_count():
    parsed = parse("C, C, X, A", 4)
    assert parsed.raw_ranks == (4, 0, 1, 0), "repeated and unknown entries take places"
    assert parsed.order == (2, 0, 1, 3)
    assert parsed.counts == {"missing": 2, "repeated": 1, "unknown": 0, "out_of_range": 1}


ANY_TEXT = st.one_of(
    st.text(max_size=200),
    st.text(alphabet="ABCDEFGHIabcI,.>[]{}\"'`\n 123:-", max_size=120),
    st.lists(st.sampled_from(["A", "B", '{"ranking": [', '"C",', "]}", "<think>", "</think>", "1. ", "```", "\n"])).map(
        " ".join
    ),
)


@given(ANY_TEXT, st.integers(1, 26), st.sampled_from(["", "stop", "length", "content_filter"]))
@example("[" * 5000, 3, "")
@example('{"a":' * 3000, 3, "")
@example("A, " * 3000, 26, "length")
def test_any_text_gives_a_permutation(text, n, finish):
    parsed = parse(text, n, finish)
    assert sorted(parsed.order) == list(range(n))
    assert parsed.faults and parsed.faults <= set(FAULTS) and ("none" in parsed.faults) == (parsed.faults == {"none"})
    assert parsed.counts["missing"] == parsed.raw_ranks.count(0)
    returned = [index for index in parsed.order if parsed.raw_ranks[index]]
    assert [parsed.raw_ranks[index] for index in returned] == sorted(parsed.raw_ranks[index] for index in returned)
    lost = [index for index in parsed.order if not parsed.raw_ranks[index]]
    assert lost == sorted(lost) and list(parsed.order) == returned + lost


WRITTEN = [
    lambda labels: ", ".join(labels),
    lambda labels: " > ".join(f"[{label}]" for label in labels),
    lambda labels: "\n".join(f"{place}. {label}" for place, label in enumerate(labels, 1)),
    lambda labels: "\n".join(f"- **{label}**: some title" for label in labels),
    lambda labels: '{"ranking": [' + ", ".join(f'"{label}"' for label in labels) + "]}",
    lambda labels: "```json\n[" + ",".join(f'"{label}"' for label in labels) + "]\n```",
]


@given(st.integers(2, 26).flatmap(lambda n: st.permutations(range(n))), st.sampled_from(WRITTEN))
def test_a_ranking_that_is_well_written_is_read_back(order, write):
    parsed = parse(write(letters(order)), len(order))
    assert list(parsed.order) == list(order)
    assert parsed.faults == ({"unchanged_order"} if list(order) == sorted(order) else {"none"})
