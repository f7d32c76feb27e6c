"""Texts of items: comments of training interactions only, joins, tags."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reelrank.data.splits import TEST, TRAIN, UNUSED, VALID
from reelrank.data.tables import write_table
from reelrank.data.texts import read_texts, texts_table, training_comments
from reelrank.features.image_tags import describe, vocabulary


def tables_of(rows):
    """Return comments, interactions and codes of rows (user, item, time, code, comment or None)."""
    columns = list(zip(*rows, strict=True))
    interactions = pa.table({key: pa.array(columns[i]) for i, key in enumerate(("user", "item", "timestamp"))})
    kept = [(row[0], row[1], row[4]) for row in rows if row[4] is not None]
    users, items, texts = zip(*kept, strict=True) if kept else ((), (), ())
    comments = {"user": pa.array(users, pa.int32()), "item": pa.array(items, pa.int32())}
    return pa.table({**comments, "comment": pa.array(texts, pa.string())}), interactions, np.array(columns[3])


def test_the_latest_training_comments_of_an_item():
    rows = [
        (0, 1, 10, TRAIN, "old"), (1, 1, 30, TRAIN, " new "), (2, 1, 20, TRAIN, "middle"), (3, 1, 40, VALID, "valid"),
        (4, 1, 50, TEST, "test"), (5, 1, 60, UNUSED, "unused"), (0, 0, 5, TRAIN, "  "), (2, 2, 7, TRAIN, None),
    ]  # fmt: skip
    assert training_comments(*tables_of(rows), 4, 2) == ["", "new; middle", "", ""]
    assert training_comments(*tables_of(rows), 4, 9)[1] == "new; middle; old"


ROWS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 9), st.sampled_from([TRAIN, VALID, TEST, UNUSED])),
    min_size=1, max_size=25, unique_by=lambda row: row[:2],
)  # fmt: skip


@given(ROWS, st.integers(1, 4), st.booleans())
def test_the_answer_planted_in_held_out_comments_changes_nothing(rows, most_recent, commented):
    plain = [(*row, f"c{row[0]}-{row[1]}" if commented or row[3] == TRAIN else None) for row in rows]
    planted = [row if row[3] == TRAIN else (*row[:4], "CANARY the answer") for row in plain]
    before, after = (training_comments(*tables_of(each), 5, most_recent) for each in (plain, planted))
    assert before == after and "CANARY" not in "".join(after)
    for item, text in enumerate(after):
        own = sorted((-time, user) for user, i, time, code in rows if i == item and code == TRAIN)
        assert text == "; ".join(f"c{user}-{item}" for _, user in own[:most_recent])


def test_fields_are_joined_in_order(tmp_path):
    items = {"item": np.arange(3, dtype=np.int32), "item_id": pa.array(["1", "2", "3"])}
    items |= {"title": pa.array(["one", "", "three"]), "category": pa.array(["cats", None, " "])}
    write_table(pa.table(items), "items", tmp_path / "items.parquet")
    write_table(texts_table(["good", "bad", ""]), "texts", tmp_path / "comments.parquet")
    sources = [(name, tmp_path / "items.parquet") for name in ("category", "title")]
    assert read_texts([*sources, ("comments", tmp_path / "comments.parquet")]) == ["cats. one. good", "bad", "three"]
    with pytest.raises(ValueError, match="expected the same number for all"):
        read_texts(sources, n_items=4)


def test_the_vocabulary_is_of_frequent_words():
    titles = ["Cats and dogs", "cats, CATS of 2020", "dogs bark", "the birds", "Ёлка ёлка", "ёлка"]
    assert vocabulary(titles, 10, 2) == ["cats", "dogs", "ёлка"]
    assert vocabulary(titles, 1, 1) == ["cats"] and vocabulary(["a b"], 5, 1) == []


class Axes:
    """Encodes the word ``w{i}`` as axis i, with something that all words share."""

    def encode(self, texts, role="passage"):
        """Return ``(n, 4)`` unit vectors."""
        vectors = np.eye(4, dtype=np.float32)[[int(text[1:]) for text in texts]]
        vectors[:, 0] += 3 * (np.arange(len(texts)) == 0)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_a_picture_is_described_by_its_nearest_words():
    vectors = np.array([[1, 0.2, 0, 0], [1, 0, 0.2, 0], [0, 0, 0, 0]], np.float32)
    present = np.array([True, True, False])
    texts = describe(Axes(), vectors, present, np.ones(3, bool), ["w0", "w1", "w2"], 1)
    assert texts == ["w1", "w2", ""], "what all pictures are near to says nothing of one"
    assert describe(Axes(), vectors, present, np.zeros(3, bool), ["w0", "w1"], 2)[0] == "w0, w1"
    assert describe(Axes(), vectors, present, present, [], 3) == ["", "", ""]
