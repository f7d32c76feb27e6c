"""Packed rows: who may look at whom, and where every token stands."""

from hypothesis import given
from hypothesis import strategies as st

from reelrank.llm.local.packing import common_prefix, pack

TOKENS = st.integers(1, 9)
TAILS = st.lists(st.lists(TOKENS, min_size=1, max_size=4), min_size=1, max_size=4)
ROWS = st.lists(st.tuples(st.lists(TOKENS, max_size=5), TAILS), min_size=1, max_size=4)


@given(ROWS)
def test_a_tail_sees_its_prefix_and_itself(rows):
    prefixes, tails = [row[0] for row in rows], [row[1] for row in rows]
    packed = pack(prefixes, tails)
    assert packed.allowed.shape == (len(rows), 1, packed.input_ids.shape[1], packed.input_ids.shape[1])
    assert packed.allowed.any(-1).all(), "no row of the softmax is empty"
    for row, (prefix, own) in enumerate(rows):
        begin = packed.width - len(prefix)
        prefix_columns = list(range(begin, packed.width))
        for (first, end), tail in zip(packed.spans[row], own, strict=True):
            assert packed.input_ids[row, first:end].tolist() == tail
            expected = list(range(len(prefix), len(prefix) + len(tail)))
            assert packed.position_ids[row, first:end].tolist() == expected
            for column in range(first, end):
                seen = packed.allowed[row, 0, column].nonzero().flatten()
                assert seen.tolist() == [*prefix_columns, *range(first, column + 1)]
        assert packed.input_ids[row, begin : packed.width].tolist() == prefix


@given(st.lists(st.lists(TOKENS, max_size=6), min_size=1, max_size=5))
def test_the_common_prefix_is_that_of_all(sequences):
    shared = common_prefix(sequences)
    assert len({tuple(ids[:shared]) for ids in sequences}) == 1
    longer = {tuple(ids[: shared + 1]) for ids in sequences}
    assert len(longer) > 1 or min(map(len, sequences)) == shared
