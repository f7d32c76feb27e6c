"""Pack several continuations of one text into one row: each attends to the text and itself only."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Rows:
    """A batch of packed rows, as a causal language model of the transformers library takes it.

    A row is a prefix, then its tails one after the other, then padding. The last token of a tail is
    only predicted, so it is not in the row.

    Attributes
    ----------
    input_ids, position_ids : torch.Tensor
        ``(batch, length)`` int64. The positions of a tail continue those of its prefix.
    allowed : torch.Tensor
        ``(batch, 1, length, length)`` bool: position i may attend to position j.
    first : int
        The first column whose prediction is needed: where the shortest prefix ends.
    columns : list of list of list of int
        For each row and tail, the column that predicts each of its tokens.
    """

    input_ids: torch.Tensor
    position_ids: torch.Tensor
    allowed: torch.Tensor
    first: int
    columns: list


def row_length(prefix, tails):
    """Return the number of columns of a prefix and its tails."""
    return len(prefix) + sum(len(tail) - 1 for tail in tails)


def pack(prefixes, tails):
    """Return prefixes and their tails as packed rows.

    Parameters
    ----------
    prefixes : list of list of int
        Token ids, one list per row; none is empty, since its last token predicts the first of each tail.
    tails : list of list of list of int
        The tails of each row; none is empty.

    Returns
    -------
    Rows
    """
    length = max(row_length(prefix, row) for prefix, row in zip(prefixes, tails, strict=True))
    ids = torch.zeros(len(prefixes), length, dtype=torch.int64)
    positions = torch.zeros_like(ids)
    segment = torch.full_like(ids, -1)  # -1 padding, 0 prefix, 1, 2, ... the tails
    columns = [[] for _ in prefixes]
    for row, (prefix, own) in enumerate(zip(prefixes, tails, strict=True)):
        end = 0
        for number, tokens in enumerate([prefix, *(tail[:-1] for tail in own)]):
            begin, end, first = end, end + len(tokens), len(prefix) if number else 0
            ids[row, begin:end] = torch.tensor(tokens, dtype=torch.int64)
            positions[row, begin:end] = torch.arange(first, first + len(tokens))
            segment[row, begin:end] = number
            if number:
                columns[row].append([len(prefix) - 1, *range(begin, end)])
    return Rows(ids, positions, _allowed(segment), min(map(len, prefixes)) - 1, columns)


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
