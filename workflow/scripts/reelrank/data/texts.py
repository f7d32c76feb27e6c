"""The text of each item: prepared fields, comments of training interactions, tags, and joined fields."""

import numpy as np
import pyarrow as pa

from reelrank.data.splits import TRAIN
from reelrank.data.tables import read_table

#: Separators of joined fields and of comments.
FIELD_SEPARATOR, COMMENT_SEPARATOR = ". ", "; "


def read_texts(sources, n_items=None):
    """Return the joined text of each item; empty source fields are left out.

    Parameters
    ----------
    sources : sequence of (str, path)
        Each source field and its file: the prepared items, with a column of this name, or contract ``texts``.
    n_items : int, optional
        Expected number of texts.

    Returns
    -------
    list of str
    """
    columns = []
    for field, path in sources:
        if str(path).endswith("items.parquet"):
            columns.append(read_table(path, "items")[field].to_pylist())
        else:
            columns.append(read_table(path, "texts")["text"].to_pylist())
    lengths = {len(column) for column in columns} | ({n_items} if n_items is not None else set())
    if len(lengths) != 1:
        raise ValueError(f"found source fields with {sorted(lengths)} texts; expected the same number for all")
    return [FIELD_SEPARATOR.join(text for text in row if text and text.strip()) for row in zip(*columns, strict=True)]


def texts_table(texts):
    """Return a table of contract ``texts`` from one text per item."""
    return pa.table({"item": np.arange(len(texts), dtype=np.int32), "text": pa.array(texts, pa.string())})


def training_comments(comments, interactions, codes, n_items, most_recent):
    """Return the latest comments of each item, joined; see `latest_comments`.

    Returns
    -------
    list of str
        ``n_items`` texts, the latest comment first.
    """
    latest = latest_comments(comments, interactions, codes, n_items, most_recent)
    return [COMMENT_SEPARATOR.join(own) for own in latest]


def latest_comments(comments, interactions, codes, n_items, most_recent):
    """Return the latest comments on each item, from training interactions only.

    A comment of a held-out or unused interaction is never used: in MicroLens, a comment *is* the interaction, so
    it would leak the label.

    Parameters
    ----------
    comments : pyarrow.Table
        Contract ``comments``.
    interactions : pyarrow.Table
        Contract ``interactions``.
    codes : numpy.ndarray
        ``(n_rows,)`` splits of the interactions, as indices into `reelrank.data.tables.SPLITS`.
    n_items : int
    most_recent : int
        Maximum number of comments per item.

    Returns
    -------
    list of list of str
        ``n_items`` lists, the latest first; for equal times, the lower user first.
    """
    user, item = (interactions[name].to_numpy().astype(np.int64) for name in ("user", "item"))
    train = np.flatnonzero(codes == TRAIN)
    keys = user[train] * n_items + item[train]
    train = train[np.argsort(keys, kind="stable")]
    keys = user[train] * n_items + item[train]
    texts = comments["comment"].to_pylist()
    wanted = comments["user"].to_numpy().astype(np.int64) * n_items + comments["item"].to_numpy()
    place = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
    rows = np.flatnonzero(keys[place] == wanted) if len(keys) else np.zeros(0, np.int64)
    rows = rows[[bool(texts[row].strip()) for row in rows]] if len(rows) else rows
    timestamp = interactions["timestamp"].to_numpy()[train[place[rows]]]
    commented = comments["item"].to_numpy()[rows]
    order = np.lexsort((comments["user"].to_numpy()[rows], -timestamp, commented))
    latest = [[] for _ in range(n_items)]
    for index in order:
        if len(own := latest[commented[index]]) < most_recent:
            own.append(texts[rows[index]].strip())
    return latest
