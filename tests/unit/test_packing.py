"""Packed rows: who may look at whom, and where every token stands."""

from hypothesis import given
from hypothesis import strategies as st

from reelrank.llm.packing import common_prefix, groups_by_prefix, pack

TOKENS = st.integers(1, 9)
TAILS = st.lists(st.lists(TOKENS, min_size=1, max_size=4), min_size=1, max_size=4)
ROWS = st.lists(st.tuples(st.lists(TOKENS, max_size=5), TAILS), min_size=1, max_size=4)


@given(ROWS, st.booleans(), st.integers(0, 3))
def test_a_tail_sees_its_prefix_and_itself(rows, aligned, cached):
    prefixes, tails = [row[0] for row in rows], [row[1] for row in rows]
    packed = pack(prefixes, tails, cached, aligned)
    assert packed.allowed.shape == (len(rows), 1, packed.input_ids.shape[1], cached + packed.input_ids.shape[1])
    assert packed.allowed.any(-1).all(), "no row of the softmax is empty"
    for row, (prefix, own) in enumerate(rows):
        begin = packed.width - len(prefix)
        prefix_columns = list(range(begin, packed.width))
        for (first, end), tail in zip(packed.spans[row], own, strict=True):
            assert packed.input_ids[row, first:end].tolist() == tail
            start = cached + len(prefix)
            assert packed.position_ids[row, first:end].tolist() == list(range(start, start + len(tail)))
            for column in range(first, end):
                seen = packed.allowed[row, 0, column].nonzero().flatten() - cached
                expected = [*range(-cached, 0), *prefix_columns, *range(first, column + 1)]
                assert seen.tolist() == expected
        assert packed.input_ids[row, begin : packed.width].tolist() == prefix
    if aligned:
        ends = [[end for _, end in spans] for spans in packed.spans]
        assert all(one[k] == other[k] for one in ends for other in ends for k in range(min(len(one), len(other))))


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=8), st.integers(0, 40))
def test_groups_hold_every_sequence_once_and_share_what_they_say(sequences, most):
    groups = groups_by_prefix(sequences, most)
    assert sorted(place for _, places in groups for place in places) == list(range(len(sequences)))
    for shared, places in groups:
        members = [sequences[place] for place in places]
        assert len({tuple(ids[:shared]) for ids in members}) == 1
        assert shared <= min(map(len, members)) - 1, "each keeps a token to be computed"
        if len(places) > 1:
            assert shared + sum(len(ids) - shared for ids in members) <= most


def test_permutations_of_one_user_are_one_group():
    one, other = [1, 2, 3, 4, 5, 6], [7, 8, 9, 1, 1, 1]
    sequences = [[*one, 8, 9], [*other, 2, 3], [*one, 9, 8], [*other, 3, 2]]
    assert groups_by_prefix(sequences, 100) == [(6, [0, 2]), (6, [1, 3])]
    assert all(len(places) == 1 for _, places in groups_by_prefix(sequences, 0))


@given(st.lists(st.lists(TOKENS, max_size=6), min_size=1, max_size=5))
def test_the_common_prefix_is_that_of_all(sequences):
    shared = common_prefix(sequences)
    assert len({tuple(ids[:shared]) for ids in sequences}) == 1
    longer = {tuple(ids[: shared + 1]) for ids in sequences}
    assert len(longer) > 1 or min(map(len, sequences)) == shared
