"""Comments that stay in their file: only positions are in memory, and texts are read when needed."""

import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from reelrank.datasets.reading import read_slices, to_integer
from reelrank.errors import InputError

#: Largest gap in bytes between two texts that are read together.
GAP = 256

#: Texts per read.
BATCH = 131_072

BOM = b"\xef\xbb\xbf"
TAB, LINE_FEED, CARRIAGE_RETURN = b"\t\n\r"


class CommentFile:
    """A text file with one line ``user TAB item TAB comment`` per comment; a comment may contain tabs.

    Parameters
    ----------
    path : str or Path
    """

    def __init__(self, path):
        self.path = Path(path)

    def rows(self):
        """Yield ids and positions of the comments, one chunk of the file at a time.

        Yields
        ------
        user_ids, item_ids : numpy.ndarray
            ``(n,)`` int64.
        starts : numpy.ndarray
            ``(n,)`` int64, start of the text in the file, in bytes.
        lengths : numpy.ndarray
            ``(n,)`` int32, length of the text in bytes.

        Raises
        ------
        InputError
            For a line that is not a comment; names the line.
        """
        offset, line = 0, 1
        for data in read_slices(self.path):
            offset = offset or len(self._mark())
            self._check_encoding(data, line)
            yield self._parse(data, offset, line)
            offset += len(data)
            line += data.count(b"\n")

    def _mark(self):
        with open(self.path, "rb") as file:
            return BOM if file.read(len(BOM)) == BOM else b""

    def _check_encoding(self, data, line):
        try:
            data.decode()
        except UnicodeDecodeError as error:
            line += data[: error.start].count(b"\n")
            raise InputError(f"{self.path}: line {line}: found byte {data[error.start]:#04x}; expected utf-8") from None

    def _parse(self, data, offset, line):
        raw = np.frombuffer(data, np.uint8)
        ends = np.flatnonzero(raw == LINE_FEED)
        if raw[-1] != LINE_FEED:
            ends = np.append(ends, raw.size)
        starts = np.concatenate([[0], ends[:-1] + 1])
        ends = ends - ((ends > starts) & (raw[ends - 1] == CARRIAGE_RETURN))
        lines = np.flatnonzero(ends > starts)
        starts, ends = starts[lines], ends[lines]
        tabs = np.append(np.flatnonzero(raw == TAB), [raw.size, raw.size])
        first = np.searchsorted(tabs, starts)
        fields = 1 + (tabs[first] < ends) + (tabs[first + 1] < ends)
        if (fields < 3).any():
            bad = int(np.argmax(fields < 3))
            raise InputError(
                f"{self.path}: line {line + lines[bad]}: found {fields[bad]} fields; "
                "expected user, item, comment, separated by TAB"
            )
        users = self._integers(data, starts, tabs[first], line + lines, "user")
        items = self._integers(data, tabs[first] + 1, tabs[first + 1], line + lines, "item")
        begins = tabs[first + 1] + 1
        return users, items, offset + begins, (ends - begins).astype(np.int32)

    def _integers(self, data, starts, ends, lines, name):
        # Arrow needs contiguous strings, so the array also holds the texts between the numbers.
        bounds = np.column_stack([starts, ends]).ravel().astype(np.int32)
        pieces = pa.Array.from_buffers(pa.string(), len(bounds) - 1, [None, pa.py_buffer(bounds), pa.py_buffer(data)])
        try:
            return pc.cast(pieces.take(np.arange(0, len(pieces), 2)), pa.int64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:  # not a number, or one that only Python can parse
            texts = (data[start:end].decode() for start, end in zip(starts, ends, strict=True))
            return np.array(
                [to_integer(self.path, number, text, name) for number, text in zip(lines, texts, strict=True)], np.int64
            )

    def texts(self, starts, lengths):
        """Return the texts at these positions, ``(n,)`` strings, in the given order.

        Parameters
        ----------
        starts, lengths : numpy.ndarray
            ``(n,)`` as `rows` yields them.
        """
        batches = range(0, len(starts), BATCH)
        with open(self.path, "rb", buffering=0) as file:
            chunks = [_texts(file.fileno(), starts[at : at + BATCH], lengths[at : at + BATCH]) for at in batches]
        return pa.chunked_array(chunks, pa.string())


def _texts(descriptor, starts, lengths):
    """Return texts in the given order; texts close together in the file are read at once."""
    order = np.argsort(starts, kind="stable")
    begin = starts[order]
    end = begin + lengths[order]
    opens = np.flatnonzero(np.concatenate([[True], begin[1:] > end[:-1] + GAP]))
    read_from, read_to = begin[opens], end[np.append(opens[1:], len(end)) - 1]
    data = b"".join(
        os.pread(descriptor, size, at)
        for at, size in zip(read_from.tolist(), (read_to - read_from).tolist(), strict=True)
    )
    place = np.cumsum(read_to - read_from) - (read_to - read_from)
    counts = np.diff(np.append(opens, len(begin)))
    where = np.empty(len(starts), np.int64)
    where[order] = begin + np.repeat(place - read_from, counts)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    index = np.repeat(where - offsets[:-1], lengths) + np.arange(offsets[-1])
    texts = np.frombuffer(data, np.uint8)[index]
    buffers = [None, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(texts)]
    return pa.Array.from_buffers(pa.string(), len(starts), buffers)
