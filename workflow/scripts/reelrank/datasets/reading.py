"""Readers shared by the adapters, with errors that name the line."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv

from reelrank.errors import InputError

#: A smaller timestamp in milliseconds (before 1973-03-03) must be in seconds.
SMALLEST_MILLISECONDS = 100_000_000_000

#: A larger timestamp in seconds (after 2100) must be in a finer unit.
LARGEST_SECONDS = 4_102_444_800


#: Bytes per read of a large file.
SLICE = 32 * 1024 * 1024


def read_bytes(path):
    """Return the bytes of `path` without a UTF-8 byte-order mark; refuse a missing or empty file."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: the file does not exist")
    data = path.read_bytes()
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    if not data or data.isspace():
        raise InputError(f"{path}: the file is empty")
    return data


def read_text(path, encoding="utf-8"):
    """Return the text of `path` without a byte-order mark; an error names the first line that is not in `encoding`."""
    try:
        return read_bytes(path).decode(encoding)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(
            f"{path}: line {line}: found byte {error.object[error.start]:#04x}; expected {encoding}"
        ) from None


def read_columns(path, columns, delimiter=",", header=True):
    """Read a delimited file of numbers quickly.

    Parameters
    ----------
    path : str or Path
    columns : dict of str to pyarrow.DataType
        Names and types, in the file's order. With `header`, the first line must hold
        these names.
    delimiter : str
        Two characters (``::``) are allowed.
    header : bool

    Returns
    -------
    dict of str to numpy.ndarray

    Raises
    ------
    InputError
        Names the file, the line, what was found and what was expected.
    """
    width, found = len(delimiter), {name: np.empty(0, kind.to_pandas_dtype()) for name, kind in columns.items()}
    for number, data in enumerate(read_slices(path)):
        skipped = 0
        if header and not number:
            end = data.find(b"\n")
            _check_header(path, data if end < 0 else data[:end], delimiter.join(columns))
            skipped = len(data) if end < 0 else end + 1
        if _has_no_row(data, skipped):
            continue
        if width > 1:
            data, skipped = data[skipped:].replace(delimiter.encode(), b"\t"), 0
        try:
            table = csv.read_csv(
                pa.BufferReader(
                    pa.py_buffer(data).slice(skipped)
                ),  # without a copy, which takes half as long as parsing
                read_options=csv.ReadOptions(column_names=list(columns)),
                parse_options=csv.ParseOptions(delimiter=delimiter if width == 1 else "\t", quote_char=False),
                convert_options=csv.ConvertOptions(column_types=columns, null_values=[], strings_can_be_null=False),
            )
        except pa.ArrowInvalid as error:
            raise _locate(path, columns, delimiter, header, error) from None
        for name, column in found.items():
            # Growing the array in place avoids a list of chunks, which would be in memory twice when joined.
            done = column.size
            column.resize(done + table.num_rows, refcheck=False)
            for chunk in table.column(name).chunks:
                column[done : done + len(chunk)] = chunk.to_numpy()
                done += len(chunk)
    if not found[next(iter(columns))].size:
        raise InputError(f"{path}: found no rows; expected at least one")
    return found


def _has_no_row(data, start):
    """Return whether only line ends follow from `start` on; stops at the first other byte."""
    return re.compile(rb"[\r\n]*\Z").match(data, start) is not None


def _check_header(path, found, expected):
    text = found[:4096].decode("utf-8", "replace").strip("\r")
    if text != expected:
        raise InputError(f"{path}: line 1: found the header {text[:60]!r}; expected {expected!r}")


def read_slices(path):
    """Yield the bytes of `path`, without a byte-order mark, in slices of about `SLICE` bytes that end with a line."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: the file does not exist")
    with open(path, "rb") as file:
        data = file.read(SLICE).removeprefix(b"\xef\xbb\xbf")
        if not data or data.isspace():
            raise InputError(f"{path}: the file is empty")
        while data:
            yield data + file.readline()
            data = file.read(SLICE)


def _numbered(path):
    """Yield ``(line number, bytes)`` of every line, including empty ones."""
    number = 0
    for data in read_slices(path):
        for line in data.removesuffix(b"\n").split(b"\n"):
            number += 1
            yield number, line


def _locate(path, columns, delimiter, header, error):
    """Return the `InputError` for the first line that does not match `columns`."""
    for number, line in _numbered(path):
        text = line.decode("utf-8", "replace").strip("\r")
        if not text or (header and number == 1):
            continue
        values = text.split(delimiter)
        if len(values) != len(columns):
            return InputError(
                f"{path}: line {number}: found {len(values)} fields in {text[:60]!r}; expected {list(columns)}"
            )
        for value, (name, kind) in zip(values, columns.items(), strict=True):
            try:
                pa.array([value]).cast(kind)
            except pa.ArrowInvalid:
                return InputError(f"{path}: line {number}: found {value[:60]!r} for {name!r}; expected {kind}")
    return InputError(f"{path}: {error}")


def line_of_row(path, row, header=True):
    """Return the 1-based line number of the 0-based data row `row` (empty lines do not count as rows)."""
    seen = -1 - int(header)
    for number, line in _numbered(path):
        seen += bool(line.strip(b"\r"))
        if seen == row:
            return number
    raise IndexError(row)


def check_timestamps(path, timestamps, unit, header=True):
    """Raise `InputError` at the first timestamp that is negative or not in `unit` (``ms`` or ``s``)."""
    if unit == "ms":
        bad = np.flatnonzero((timestamps < SMALLEST_MILLISECONDS) | (timestamps > LARGEST_SECONDS * 1000))
    else:
        bad = np.flatnonzero((timestamps < 0) | (timestamps > LARGEST_SECONDS))
    if bad.size:
        value = int(timestamps[bad[0]])
        looks = "negative" if value < 0 else "in seconds" if value < SMALLEST_MILLISECONDS else "in a finer unit"
        wanted = "milliseconds" if unit == "ms" else "seconds"
        line = line_of_row(path, bad[0], header)
        raise InputError(
            f"{path}: line {line}: found timestamp {value} ({looks}); expected {wanted} since 1970 ({bad.size} rows)"
        )


def read_lines(path, encoding="utf-8"):
    """Yield ``(line number, text)`` of the lines of a text file that are not empty.

    Only LF ends a line (a CR before it is dropped), since titles contain characters that
    `str.splitlines` treats as line ends.
    """
    for number, line in enumerate(read_text(path, encoding).split("\n"), start=1):
        line = line.removesuffix("\r")
        if line:
            yield number, line


def to_integer(path, number, text, name):
    """Return `text` as an int, or raise `InputError` naming file and line."""
    try:
        return int(np.int64(int(text)))
    except (ValueError, OverflowError):
        raise InputError(f"{path}: line {number}: found {text!r} for {name!r}; expected a 64-bit integer") from None
