"""Adapter for GroupLens' MovieLens files: 100K (``u.*``), 1M (``*.dat``) and 20M and later (CSV)."""

import csv
import io

import pandas as pd
import pyarrow as pa

from reelrank.datasets import RawTables
from reelrank.datasets.reading import check_timestamps, read_columns, read_lines, read_text, to_integer
from reelrank.errors import InputError, suggest

#: Occupations of ml-1m by their code, from the README of that dataset.
OCCUPATIONS_1M = (
    "other", "educator", "artist", "administrator", "student", "customer service", "healthcare", "executive",
    "farmer", "homemaker", "K-12 student", "lawyer", "programmer", "retired", "sales", "scientist",
    "self-employed", "technician", "tradesman", "unemployed", "writer",
)  # fmt: skip

_RATINGS = {"userId": pa.int64(), "movieId": pa.int64(), "rating": pa.float32(), "timestamp": pa.int64()}


def read(paths, fields, options):
    """Read a MovieLens release; see `reelrank.datasets.read_dataset`.

    ``options["format"]`` is ``ml-100k``, ``ml-1m`` or ``ml-20m``. Published timestamps are in
    seconds; returned ones are in milliseconds.
    """
    release = options.get("format")
    if release not in _RELEASES:
        raise InputError(f"unknown MovieLens format {release!r}; {suggest(release, _RELEASES)}")
    delimiter, header, read_items, read_users = _RELEASES[release]
    ratings = read_columns(paths["interactions"], _RATINGS, delimiter, header)
    check_timestamps(paths["interactions"], ratings["timestamp"], "s", header)
    tables = RawTables(
        ratings["userId"],
        ratings["movieId"],
        ratings["timestamp"] * 1000,
        ratings=ratings["rating"],
        items=read_items(paths)[list(fields)],
        files=dict.fromkeys(fields, paths["movies"]),
    )
    if "users" in paths:
        tables.users = read_users(paths["users"])
    return tables


def _rows(path, delimiter, width, encoding):
    for number, line in read_lines(path, encoding):
        values = line.split(delimiter)
        if len(values) != width:
            raise InputError(
                f"{path}: line {number}: found {len(values)} fields separated by {delimiter!r}; expected {width}"
            )
        yield number, values


def _frame(rows, columns):
    return pd.DataFrame(rows, columns=["id", *columns]).drop_duplicates("id").set_index("id")


def _items_100k(paths):
    genres = [name for _, (name, _) in _rows(paths["genres"], "|", 2, "iso-8859-1")]
    rows = []
    for number, values in _rows(paths["movies"], "|", 5 + len(genres), "iso-8859-1"):
        category = "|".join(name for name, flag in zip(genres, values[5:], strict=True) if flag == "1")
        rows.append((to_integer(paths["movies"], number, values[0], "item"), values[1].strip(), category))
    return _frame(rows, ["title", "category"])


def _users_100k(path):
    rows = [
        (to_integer(path, number, user, "user"), to_integer(path, number, age, "age"), gender, occupation)
        for number, (user, age, gender, occupation, _) in _rows(path, "|", 5, "iso-8859-1")
    ]
    return _frame(rows, ["age", "gender", "occupation"])


def _items_1m(paths):
    path = paths["movies"]
    rows = [
        (to_integer(path, number, item, "item"), title.strip(), category)
        for number, (item, title, category) in _rows(path, "::", 3, "iso-8859-1")
    ]
    return _frame(rows, ["title", "category"])


def _users_1m(path):
    rows = []
    for number, (user, gender, age, occupation, _) in _rows(path, "::", 5, "iso-8859-1"):
        code = to_integer(path, number, occupation, "occupation")
        if not 0 <= code < len(OCCUPATIONS_1M):
            raise InputError(f"{path}: line {number}: found occupation {code}; expected 0 to {len(OCCUPATIONS_1M) - 1}")
        user, age = to_integer(path, number, user, "user"), to_integer(path, number, age, "age")
        rows.append((user, age, gender, OCCUPATIONS_1M[code]))
    return _frame(rows, ["age", "gender", "occupation"])


def _items_20m(paths):
    path = paths["movies"]
    reader = csv.reader(io.StringIO(read_text(path), newline=""))
    header = next(reader)
    if header != ["movieId", "title", "genres"]:
        raise InputError(f"{path}: line 1: found the header {header}; expected movieId,title,genres")
    rows = []
    for values in reader:
        if len(values) != 3:
            raise InputError(f"{path}: line {reader.line_num}: found {len(values)} fields; expected 3")
        rows.append((to_integer(path, reader.line_num, values[0], "item"), values[1].strip(), values[2]))
    return _frame(rows, ["title", "category"])


def _no_users(path):
    raise InputError(f"{path}: this MovieLens release has no users file; remove 'users' from the dataset's files")


#: By release: delimiter of the ratings, whether they have a header, reader of items, reader of users.
_RELEASES = {
    "ml-100k": ("\t", False, _items_100k, _users_100k),
    "ml-1m": ("::", False, _items_1m, _users_1m),
    "ml-20m": (",", True, _items_20m, _no_users),
}
