"""Pack several continuations of one text into one row: each attends to the text and itself only."""

from dataclasses import dataclass
from itertools import accumulate

import torch


@dataclass(frozen=True)
class Rows:
    """A batch of packed rows, as a causal language model of the transformers library takes it.

    The prefixes are at the left, padded so that all end in the same column; the tails
    follow one after the other.

    Attributes
    ----------
    input_ids, position_ids : torch.Tensor
        ``(batch, length)`` int64. The positions of a tail continue those of its prefix.
    allowed : torch.Tensor
        ``(batch, 1, length, length)`` bool: position i may attend to position j.
    width : int
        Number of columns of the prefixes.
    spans : list of list of (int, int)
        For each row, the first column and the column after the last of each tail.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    allowed: torch.Tensor
    width: int
    spans: list


def pack(prefixes, tails):
    """Return prefixes and their tails as packed rows.

    Parameters
    ----------
    prefixes : list of list of int
        Token ids, one list per row; may be empty.
    tails : list of list of list of int
        The tails of each row; none is empty.

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
        for number, ((begin, end), tokens) in enumerate(zip(places, [prefix, *own], strict=True)):
            first = len(prefix) if number else 0
            ids[row, begin:end] = torch.tensor(tokens, dtype=torch.int64)
            positions[row, begin:end] = torch.arange(first, first + len(tokens))
            segment[row, begin:end] = number
    return Rows(ids, positions, _allowed(segment), width, spans)


def _spans(row, width):
    """Return the first column and the column after the last of each tail of a row."""
    ends = [width + end for end in accumulate(map(len, row))]
    return [(end - len(tail), end) for end, tail in zip(ends, row, strict=True)]


def _allowed(segment):
    """Return the attention mask: a token attends to itself and to earlier tokens of its prefix and tail."""
    query, key = segment[:, :, None], segment[:, None, :]
    length = segment.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    own = causal & ((key == 0) | (key == query)) & (key >= 0)
    # Padding attends to itself: a softmax row must not be empty.
    return (own | torch.eye(length, dtype=torch.bool))[:, None]


def common_prefix(sequences):
    """Return the length of the longest common prefix of some sequences."""
    first, last = min(sequences), max(sequences)
    for index, (one, other) in enumerate(zip(first, last, strict=False)):
        if one != other:
            return index
    return min(len(first), len(last))
