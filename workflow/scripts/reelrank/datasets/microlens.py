"""Adapter for the published files of MicroLens (westlake-repl/MicroLens, arXiv 2309.15379)."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from reelrank.datasets import RawTables
from reelrank.datasets.comment_file import CommentFile
from reelrank.datasets.images import list_images
from reelrank.datasets.reading import check_timestamps, read_bytes, read_columns, read_lines, read_text, to_integer
from reelrank.errors import InputError

#: First line of a titles file that is CSV (MicroLens-50k). The files of MicroLens-100k have no header.
TITLES_HEADER = "item,title"


def read(paths, fields, options):
    """Read the MicroLens layout; see `reelrank.datasets.read_dataset`."""
    users, items, timestamps = read_pairs(paths["interactions"])
    tables = RawTables(users, items, timestamps, items=pd.DataFrame(index=pd.Index([], dtype=np.int64)))
    readers = {
        "title": ("titles", read_titles),
        "category": ("categories", read_categories),
        "cover": ("covers", _first_pictures),
        "frames": ("frames", _numbers_of_pictures),
    }
    columns = {}
    for name, (role, reader) in readers.items():
        if name in fields:
            columns[name], tables.files[name] = pd.Series(reader(paths[role])), paths[role]
    if columns:
        tables.items = pd.DataFrame(columns)
    if "comments" in fields:
        tables.comments, tables.files["comments"] = CommentFile(paths["comments"]), paths["comments"]
    return tables


def _first_pictures(folder):
    """Return the path of each item's first picture below `folder`, by item id."""
    return {item: Path(names[0]).relative_to(folder).as_posix() for item, names in list_images(folder).items()}


def _numbers_of_pictures(folder):
    """Return the number of each item's pictures as text, by item id."""
    return {item: str(len(names)) for item, names in list_images(folder).items()}


def read_pairs(path):
    """Read ``*_pairs.csv`` or ``*_pairs.tsv``.

    Returns
    -------
    tuple of numpy.ndarray
        user ids, item ids, timestamps in milliseconds (all 0 for a TSV: it has no
        timestamps, and its items are ordered oldest first).
    """
    if Path(path).suffix == ".tsv":
        return _read_pairs_tsv(path)
    columns = read_columns(path, {"user": pa.int64(), "item": pa.int64(), "timestamp": pa.int64()})
    check_timestamps(path, columns["timestamp"], "ms")
    return columns["user"], columns["item"], columns["timestamp"]


def _read_pairs_tsv(path):
    users, lengths, items = [], [], []
    for number, line in read_lines(path):
        user, tab, history = line.partition("\t")
        if not tab:
            raise InputError(f"{path}: line {number}: found no TAB in {line[:60]!r}; expected user, TAB, items")
        users.append(to_integer(path, number, user, "user"))
        entries = [to_integer(path, number, item, "item") for item in history.split()]
        lengths.append(len(entries))
        items.extend(entries)
    users = np.repeat(np.array(users, np.int64), lengths)
    return users, np.array(items, np.int64), np.zeros(len(items), np.int64)


def read_titles(path):
    """Read ``*_title*.csv``.

    With the header ``item,title`` (MicroLens-50k) the file is CSV: titles may be quoted and hold commas and line ends.
    Without a header (MicroLens-100k) it is not CSV: each line is ``item, title``, split at the first comma only.

    Returns
    -------
    dict of int to str
        Titles by item id, stripped; may be empty. A repeated item keeps its first title.
    """
    text = read_text(path)
    if text.partition("\n")[0].removesuffix("\r") == TITLES_HEADER:
        return _read_csv_titles(path, text)
    titles = {}
    for number, line in read_lines(path):
        item, comma, title = line.partition(",")
        if not comma:
            raise InputError(
                f"{path}: line {number}: found no comma in {line[:60]!r}; expected item, title, or CSV with the header "
                f"{TITLES_HEADER!r} in line 1"
            )
        titles.setdefault(to_integer(path, number, item, "item"), title.strip())
    return titles


def _read_csv_titles(path, text):
    """Return the titles of a CSV file with a header; an error names the line on which its row starts."""
    rows = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    titles, start = {}, 1
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise InputError(
                f"{path}: line {start}: found a row that is not CSV ({error}); expected item,title with balanced quotes"
            ) from None
        if row is None:
            return titles
        if row and start > 1:  # an empty line is an empty row
            if len(row) != 2:
                raise InputError(
                    f"{path}: line {start}: found {len(row)} fields in {','.join(row)[:60]!r}; expected item,title"
                )
            titles.setdefault(to_integer(path, start, row[0], "item"), row[1].strip())
        start = rows.line_num + 1


def read_categories(path):
    """Read ``tags_to_summary.csv`` (header ``item,category``) as a dict of int to str."""
    header = read_bytes(path).split(b"\n", 1)[0].decode("utf-8", "replace").strip("\r")
    if header != "item,category":
        raise InputError(f"{path}: line 1: found the header {header[:60]!r}; expected 'item,category'")
    categories = {}
    for number, line in read_lines(path):
        if number == 1:
            continue
        item, comma, category = line.partition(",")
        if not comma:
            raise InputError(f"{path}: line {number}: found no comma in {line[:60]!r}; expected item,category")
        categories.setdefault(to_integer(path, number, item, "item"), category.strip())
    return categories
