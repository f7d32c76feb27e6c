"""Readers of the file formats of external lists, with errors that name the line."""

import csv
import re
from array import array
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from reelrank.datasets.reading import read_text
from reelrank.errors import InputError

#: A line of the text format.
TEXT_LINE = re.compile(r"User\s+(\S+)\s*:\s*Top\s+(\d+)\s+recommended\s+items\s*:\s*\[(.*)\]", re.IGNORECASE)


@dataclass(frozen=True)
class Entries:
    """The entries of a file, in its order.

    Attributes
    ----------
    line : numpy.ndarray
        ``(n,)`` int64: line in the file, or row of the table, from 1.
    user, item : numpy.ndarray
        ``(n,)`` int64 indices; -1 where the id is unknown.
    rank : numpy.ndarray or None
        ``(n,)`` int64.
    score : numpy.ndarray or None
        ``(n,)`` float64.
    unknown_users, unknown_items : list of (int, str)
        Lines and ids.
    """

    line: np.ndarray
    user: np.ndarray
    item: np.ndarray
    rank: np.ndarray | None
    score: np.ndarray | None
    unknown_users: list
    unknown_items: list


class _Collector:
    """Collects entries line by line and converts the source's ids to indices."""

    def __init__(self, users, items):
        self.index_of_user = {name: index for index, name in enumerate(users)}
        self.index_of_item = {name: index for index, name in enumerate(items)}
        self.columns = {name: array("q") for name in ("line", "user", "item", "rank")} | {"score": array("d")}
        self.unknown_users, self.unknown_items = {}, []

    def add(self, line, user, item, rank, score):
        """Add one entry; the item of an unknown user is not checked."""
        user_index = self.index_of_user.get(user, -1)
        item_index = self.index_of_item.get(item, -1)
        if user_index < 0:
            self.unknown_users.setdefault(user, line)
        elif item_index < 0:
            self.unknown_items.append((line, item))
        for name, value in (
            ("line", line),
            ("user", user_index),
            ("item", item_index),
            ("rank", rank),
            ("score", score),
        ):
            if value is not None:
                self.columns[name].append(value)

    def entries(self, with_rank, with_score):
        """Return the collected entries."""
        line, user, item, rank, score = (np.array(column) for column in self.columns.values())
        unknown_users = [(line, name) for name, line in self.unknown_users.items()]
        own_rank, own_score = rank if with_rank else None, score if with_score else None
        return Entries(line, user, item, own_rank, own_score, unknown_users, self.unknown_items)


def read_csv(path, users, items):
    """Read a CSV with the columns ``user``, ``item`` and ``rank`` or ``score`` (or both), with the source's ids."""
    reader = csv.reader(read_text(path).splitlines(keepends=True), skipinitialspace=True)
    rows = _rows(reader, path)
    header = next(rows)
    allowed = {"user", "item", "rank", "score"}
    if len(set(header)) < len(header) or set(header) - allowed or not {"user", "item"} < set(header):
        raise InputError(f"{path}: line 1: found the header {header}; expected user,item,score or user,rank,item")
    collector = _Collector(users, items)
    for row in rows:
        line = reader.line_num
        if not row:
            continue
        if len(row) != len(header):
            raise InputError(f"{path}: line {line}: found {len(row)} columns; expected {len(header)}, {header}")
        cells = dict(zip(header, row, strict=True))
        rank = _number(cells, "rank", int, "a whole number from 1", path, line)
        score = _number(cells, "score", float, "a number", path, line)
        collector.add(line, cells["user"], cells["item"], rank, score)
    return collector.entries("rank" in header, "score" in header)


def _rows(reader, path):
    """Yield the rows of a CSV; the csv module raises an error for an overlong field, such as after an open quote."""
    try:
        yield from reader
    except csv.Error as error:
        raise InputError(f"{path}: line {reader.line_num}: expected CSV ({error}); is a quote left open?") from None


def _number(cells, name, kind, expected, path, line):
    """Return a cell as a number, not NaN; None if there is no such column."""
    if name not in cells:
        return None
    try:
        value = kind(cells[name])
    except ValueError:
        value = float("nan")
    if value != value or (kind is int and not 1 <= value < 2**31):
        raise InputError(f"{path}: line {line}: found {name} {cells[name]!r}; expected {expected}")
    return value


def read_txt(path, users, items):
    """Read a text file with one list per line, with the source's ids."""
    collector, lines = _Collector(users, items), {}
    for line, text in enumerate(read_text(path).split("\n"), start=1):
        if not (text := text.strip()):
            continue
        match = TEXT_LINE.fullmatch(text)
        if match is None:
            raise InputError(
                f"{path}: line {line}: found {text[:60]!r}; expected 'User 7: Top 20 recommended items: [1, 2, ...]'"
            )
        user, most, inside = match.groups()
        listed = [entry.strip().strip("'\"") for entry in inside.split(",")] if inside.strip() else []
        if len(listed) > int(most):
            raise InputError(
                f"{path}: line {line}: found {len(listed)} items; expected at most {most}, the number in the line"
            )
        if user in lines:
            raise InputError(
                f"{path}: line {line}: user {user!r} already has a list in line {lines[user]}; expected one per user"
            )
        lines[user] = line
        for rank, item in enumerate(listed, start=1):
            collector.add(line, user, item, rank, None)
    return collector.entries(with_rank=True, with_score=False)


def parquet_metadata(path):
    """Return the key-value metadata of a Parquet file as a dict of str to str."""
    own = _opened(pq.read_schema, path).metadata or {}
    return {key.decode(errors="replace"): value.decode(errors="replace") for key, value in own.items()}


def _opened(read, path):
    try:
        return read(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: expected a Parquet file of lists ({error})") from None


def read_parquet(path, users, items):
    """Read a Parquet file with the columns of contract ``list``, with dense indices."""
    table = _opened(pq.read_table, path)
    columns = {}
    for name in ("user", "rank", "item", "score"):
        if name not in table.column_names:
            raise InputError(f"{path}: column {name!r} is missing; found {table.column_names}")
        kind, nulls = table.schema.field(name).type, table[name].null_count
        right = pa.types.is_floating if name == "score" else pa.types.is_integer
        if nulls or not (right(kind) or (name == "score" and pa.types.is_integer(kind))):
            wanted = "numbers" if name == "score" else "integers (dense indices and ranks)"
            raise InputError(f"{path}: column {name!r} has type {kind} and {nulls} nulls; expected {wanted}, no nulls")
        columns[name] = table[name].to_numpy().astype(np.float64 if name == "score" else np.int64)
    row = np.arange(1, table.num_rows + 1)
    if np.isnan(columns["score"]).any():
        raise InputError(f"{path}: row {row[np.isnan(columns['score'])][0]}: found score NaN; expected a number")
    known = (columns["user"] >= 0) & (columns["user"] < len(users))
    lost = known & ((columns["item"] < 0) | (columns["item"] >= len(items)))
    unknown, first = np.unique(columns["user"][~known], return_index=True)
    return Entries(
        row,
        np.where(known, columns["user"], -1),
        columns["item"],
        columns["rank"],
        columns["score"],
        sorted(zip(row[~known][first].tolist(), map(str, unknown), strict=True)),
        [(int(row[at]), str(columns["item"][at])) for at in np.flatnonzero(lost)],
    )


#: Reader of each file ending.
READERS = {".parquet": read_parquet, ".csv": read_csv, ".txt": read_txt}
