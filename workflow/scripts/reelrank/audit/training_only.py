"""Checks that comments and counts of items come from training interactions only, computed from the tables."""

import numpy as np
import pandas as pd

from reelrank.data.texts import COMMENT_SEPARATOR

#: A shorter held-out comment may occur in another text by chance.
TELLING = 20


class Comments:
    """Comments by item: of training interactions, and of all others, which reveal the held-out items.

    Parameters
    ----------
    interactions, split, comments : pyarrow.Table
        Tables of the contracts with these names.
    """

    def __init__(self, interactions, split, comments):
        is_train = np.array(split["split"].to_pylist()) == "train"
        user, item = (interactions[name].to_numpy()[is_train].tolist() for name in ("user", "item"))
        trained = set(zip(user, item, strict=True))
        self.training, self.held_out = {}, {}
        rows = (comments[name].to_pylist() for name in ("user", "item", "comment"))
        for one, of, text in zip(*rows, strict=True):
            if not text.strip():
                continue
            if (one, of) in trained:
                self.training.setdefault(of, set()).add(text.strip())
            else:
                self.held_out.setdefault(of, []).append((one, text.strip()))


def comment_faults(texts, comments, field):
    """Return one fault per item whose text holds a held-out comment.

    Parameters
    ----------
    texts : sequence of str
        One text per item.
    comments : Comments
    field : str
        Texts of the field ``comments`` must consist of training comments only. Any other text must not
        hold a held-out comment of its item with `TELLING` characters or more.
    """
    faults = []
    for item, text in enumerate(texts):
        own = comments.training.get(item, ())
        if not text or (field == "comments" and _is_made_of(text, own)):
            continue
        telling = 1 if field == "comments" else TELLING
        guilty = [
            user
            for user, comment in comments.held_out.get(item, ())
            if len(comment) >= telling and comment in text and comment not in own
        ]
        if guilty:
            faults.append(f"the text of item {item} holds the held-out comment of user {guilty[0]}")
        elif field == "comments":
            faults.append(f"the text of item {item} holds text that is not a comment of a training interaction")
    return faults


def _is_made_of(text, pieces):
    """Return whether a text consists of pieces joined by the separator."""
    reached, todo = {0}, [0]
    while todo:
        start = todo.pop()
        for piece in pieces:
            if not text.startswith(piece, start):
                continue
            end = start + len(piece)
            if end == len(text):
                return True
            after = end + len(COMMENT_SEPARATOR)
            if text.startswith(COMMENT_SEPARATOR, end) and after not in reached:
                reached.add(after)
                todo.append(after)
    return False


def statistics_faults(statistics, interactions, split, n_items):
    """Return faults of items whose popularity, first or last timestamp differs from the training interactions."""
    rows = pd.DataFrame({name: interactions[name].to_numpy() for name in ("item", "timestamp")})
    rows = rows[np.array(split["split"].to_pylist()) == "train"]
    counted = rows.groupby("item")["timestamp"].agg(["size", "min", "max"]).reindex(range(n_items))
    faults = []
    for column, name in (("size", "popularity"), ("min", "first_timestamp"), ("max", "last_timestamp")):
        missing = 0 if column == "size" else -1
        expected = counted[column].fillna(missing).to_numpy().astype(np.int64)
        found = statistics[name].fill_null(missing).to_numpy()
        if len(found) != n_items:
            return [f"holds {len(found)} items; expected {n_items}"]
        for item in np.flatnonzero(found != expected)[:5]:
            faults.append(f"item {item} has {name} {found[item]}; training interactions alone give {expected[item]}")
    return faults
