"""Packed rows: who may look at whom, and where every token stands."""

from hypothesis import given
from hypothesis import strategies as st

from reelrank.llm.local.packing import common_prefix, pack, row_length

TOKENS = st.integers(1, 9)
TAILS = st.lists(st.lists(TOKENS, min_size=1, max_size=4), min_size=1, max_size=4)
ROWS = st.lists(st.tuples(st.lists(TOKENS, min_size=1, max_size=5), TAILS), min_size=1, max_size=4)


@given(ROWS)
def test_a_tail_sees_its_prefix_and_itself(rows):
    prefixes, tails = [row[0] for row in rows], [row[1] for row in rows]
    packed = pack(prefixes, tails)
    width = max(row_length(*row) for row in rows)
    assert packed.input_ids.shape == (len(rows), width) and packed.allowed.shape == (len(rows), 1, width, width)
    assert packed.allowed.any(-1).all(), "no row of the softmax is empty"
    assert packed.first == min(map(len, prefixes)) - 1
    for row, (prefix, own) in enumerate(rows):
        assert packed.input_ids[row, : len(prefix)].tolist() == prefix
        used = set(range(len(prefix)))
        for columns, tail in zip(packed.columns[row], own, strict=True):
            before, *inside = columns
            assert before == len(prefix) - 1 and len(columns) == len(tail), "one prediction of each token"
            assert packed.input_ids[row, inside].tolist() == tail[:-1]
            assert packed.position_ids[row, inside].tolist() == list(range(len(prefix), len(prefix) + len(inside)))
            for place, column in enumerate(inside):
                seen = packed.allowed[row, 0, column].nonzero().flatten()
                assert seen.tolist() == [*range(len(prefix)), *inside[: place + 1]]
            assert not used & set(inside)
            used |= set(inside)
        assert len(used) == row_length(prefix, own), "nothing is computed twice"


@given(st.lists(st.lists(TOKENS, max_size=6), min_size=1, max_size=5))
def test_the_common_prefix_is_that_of_all(sequences):
    shared = common_prefix(sequences)
    assert len({tuple(ids[:shared]) for ids in sequences}) == 1
    longer = {tuple(ids[: shared + 1]) for ids in sequences}
    assert len(longer) > 1 or min(map(len, sequences)) == shared
