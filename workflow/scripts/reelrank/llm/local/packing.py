"""Several continuations of one text in one row: each sees the text and itself, and the text is computed once."""

from dataclasses import dataclass
from itertools import accumulate

import torch


@dataclass(frozen=True)
class Rows:
    """A batch of packed rows, as a causal language model of the transformers library takes it.

    The prefixes stand at the left, padded so that all end in the same column; the
    tails follow one after the other.

    Attributes
    ----------
    input_ids, position_ids : torch.Tensor
        ``(batch, length)`` int64. A tail's positions go on where its prefix ends.
    allowed : torch.Tensor
        ``(batch, 1, length, length)`` bool: row position i may look at j.
    width : int
        Columns of the prefixes.
    spans : list of list of (int, int)
        For each row, the first and one past the last column of each tail.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    allowed: torch.Tensor
    width: int
    spans: list


def pack(prefixes, tails):
    """Lay out prefixes and their tails.

    Parameters
    ----------
    prefixes : list of list of int
        Token ids, one list per row; may be empty.
    tails : list of list of list of int
        For each row its tails, none of them empty.

    Returns
    -------
    Rows
    """
    width = max(map(len, prefixes))
    spans = [_spans(row, width) for row in tails]
    length = max(row[-1][1] for row in spans)
    ids = torch.zeros(len(prefixes), length, dtype=torch.int64)
    positions = torch.zeros_like(ids)
    segment = torch.full_like(ids, -1)  # -1 padding, 0 prefix, 1, 2, ... the tails
    for row, (prefix, own) in enumerate(zip(prefixes, tails, strict=True)):
        places = [(width - len(prefix), width), *spans[row]]
        for number, ((begin, end), part) in enumerate(zip(places, [prefix, *own], strict=True)):
            first = len(prefix) if number else 0
            ids[row, begin:end] = torch.tensor(part, dtype=torch.int64)
            positions[row, begin:end] = torch.arange(first, first + len(part))
            segment[row, begin:end] = number
    return Rows(ids, positions, _allowed(segment), width, spans)


def _spans(row, width):
    """Return first and one past the last column of each tail of a row."""
    ends = [width + end for end in accumulate(map(len, row))]
    return [(end - len(tail), end) for end, tail in zip(ends, row, strict=True)]


def _allowed(segment):
    """Return who may look at whom: earlier tokens of the prefix and of the same tail, and itself."""
    query, key = segment[:, :, None], segment[:, None, :]
    length = segment.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    own = causal & ((key == 0) | (key == query)) & (key >= 0)
    # Padding looks at itself: a row of the softmax must not be empty.
    return (own | torch.eye(length, dtype=torch.bool))[:, None]


def common_prefix(sequences):
    """Return how many first tokens all of some sequences share."""
    first, last = min(sequences), max(sequences)
    for index, (one, other) in enumerate(zip(first, last, strict=False)):
        if one != other:
            return index
    return min(len(first), len(last))
