"""The MicroLens adapter: lines that are no CSV, errors that name the line."""

import csv
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from small_data import read_comments

from reelrank import datasets
from reelrank.datasets import comment_file, microlens, reading
from reelrank.errors import InputError

MOMENT = 1_600_000_000_000


@pytest.fixture
def write(tmp_path):
    """Return a function that writes bytes or text to a file of that name."""

    def to_file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


def refused(reader, path, *fragments):
    """Assert that reading fails with a message that names the file and holds all fragments."""
    with pytest.raises(InputError) as caught:
        reader(path)
    for fragment in (str(path), *fragments):
        assert fragment in str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_titles_are_split_at_the_first_comma(write, end, mark):
    lines = ['1, a, b, "c"', "2,plain", "3, ", "4,", "5, 🎬 film 🍿", "2, a later row of 2"]
    titles = microlens.read_titles(write("titles.csv", mark + end.join(lines) + end))
    assert titles == {1: 'a, b, "c"', 2: "plain", 3: "", 4: "", 5: "🎬 film 🍿"}


def test_the_last_title_needs_no_line_end(write):
    assert microlens.read_titles(write("t.csv", "1,a\n2,b")) == {1: "a", 2: "b"}


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r"])
def test_only_a_line_feed_ends_a_title(write, character):
    assert microlens.read_titles(write("t.csv", f"1,a{character}b\n2,c\n")) == {1: f"a{character}b", 2: "c"}


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=12), min_size=1),
    st.sampled_from(["\n", "\r\n"]),
)
def test_any_titles_round_trip(tmp_path_factory, titles, end):
    path = tmp_path_factory.mktemp("titles") / "titles.csv"
    path.write_bytes("".join(f"{item}, {title}{end}" for item, title in enumerate(titles)).encode())
    assert microlens.read_titles(path) == {item: title.strip() for item, title in enumerate(titles)}


@pytest.mark.parametrize(
    ("content", "fragments"),
    [
        ("1,a\nno comma here\n", ["line 2", "'no comma here'", "expected item, title"]),
        ("1,a\n\nx,b\n", ["line 3", "'x'", "integer"]),
        (",b\n", ["line 1", "''", "integer"]),
        (b"1,a\n2,\xff\n", ["line 2", "0xff", "utf-8"]),
        ("", ["empty"]),
        ("\ufeff\r\n", ["empty"]),
    ],
)
def test_bad_titles_are_located(write, content, fragments):
    refused(microlens.read_titles, write("titles.csv", content), *fragments)


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12)),
    st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL)]),
    st.sampled_from(["", "\ufeff"]),
)
def test_any_titles_in_csv_round_trip(tmp_path_factory, titles, style, mark):
    end, quoting = style
    path = tmp_path_factory.mktemp("titles") / "titles.csv"
    with open(path, "w", encoding="utf-8", newline="") as stream:
        stream.write(f"{mark}item,title{end}")
        csv.writer(stream, quoting=quoting, lineterminator=end).writerows(enumerate(titles))
    assert microlens.read_titles(path) == {item: title.strip() for item, title in enumerate(titles)}


def test_titles_in_csv(write):
    rows = ['1,"a, ""b"" # c"', "", "2,plain", '3,"two', 'lines"', '4,""', "1,a later row of 1"]
    titles = microlens.read_titles(write("titles.csv", "\n".join(["item,title", *rows]) + "\n"))
    assert titles == {1: 'a, "b" # c', 2: "plain", 3: "two\nlines", 4: ""}


@pytest.mark.parametrize(
    ("rows", "fragments"),
    [
        (['1,"a"', '2,"b', "3,c"], ["line 3", "balanced quotes"]),  # open to the end of the file
        (['1,"a', '2,"b"'], ["line 2", "balanced quotes"]),  # closed by the quote of the next row
        (['1,"a"b'], ["line 2", "balanced quotes"]),
        (['1,"two', 'lines"', "2,b,c"], ["line 4", "3 fields", "'2,b,c'"]),
        (["1"], ["line 2", "1 fields"]),
        (["1,a", "", 'x,"b"'], ["line 4", "'x'", "integer"]),
        (['1,"' + "a" * 200_000 + '"'], ["line 2"]),
    ],
)
def test_bad_titles_in_csv_are_located(write, rows, fragments):
    refused(microlens.read_titles, write("titles.csv", "\n".join(["item,title", *rows]) + "\n"), *fragments)


def test_the_published_files_of_50k(shared_data):
    path = shared_data("microlens-50k/MicroLens-50k_titles.csv")
    titles = microlens.read_titles(path)
    independent = pd.read_csv(path, keep_default_na=False, index_col="item")["title"]
    assert len(titles) == 19_220 and titles == independent.str.strip().to_dict()
    users, items, timestamps = microlens.read_pairs(path.parent / "MicroLens-50k_pairs.tsv")
    assert (len(set(users)), len(items), set(items) == set(titles)) == (50_000, 359_708, True)
    assert not timestamps.any()


def test_the_published_titles(shared_data):
    path = shared_data("microlens-100k/MicroLens-100k_title_en.csv")
    titles = microlens.read_titles(path)
    independent = re.findall(rb"(?:^|\n)(\d+),([^\r\n]*)\r(?=\n)", path.read_bytes())
    assert len(titles) == len(independent) == 19_738
    assert sum(not title for title in titles.values()) == 72
    assert titles == {int(item): title.decode().strip() for item, title in independent}


@pytest.mark.parametrize(
    "content", ["user,item,timestamp\n1,2,{t}\n3,4,{t}\n", "\ufeffuser,item,timestamp\r\n1,2,{t}\r\n3,4,{t}"]
)
def test_pairs_in_csv(write, content):
    users, items, timestamps = microlens.read_pairs(write("pairs.csv", content.format(t=MOMENT)))
    assert (users.tolist(), items.tolist(), timestamps.tolist()) == ([1, 3], [2, 4], [MOMENT] * 2)
    assert {column.dtype for column in (users, items, timestamps)} == {np.dtype(np.int64)}


def test_empty_lines_are_no_pairs_but_count_as_lines(write):
    content = f"user,item,timestamp\n\n1,2,{MOMENT}\n\n3,4,-1\n"
    refused(microlens.read_pairs, write("pairs.csv", content), "line 5", "-1")


@pytest.mark.parametrize(
    ("content", "fragments"),
    [
        ("uid,iid,time\n1,2,3\n", ["line 1", "'uid,iid,time'", "'user,item,timestamp'"]),
        (f"1,2,{MOMENT}\n", ["line 1", "expected 'user,item,timestamp'"]),
        ("user,item,timestamp\n", ["expected at least one"]),
        ("user,item,timestamp", ["expected at least one"]),
        ("", ["empty"]),
        (f"user,item,timestamp\n1,2,{MOMENT}\n1,two,{MOMENT}\n", ["line 3", "'two'", "'item'", "int64"]),
        (f"user,item,timestamp\n1,2,{MOMENT}\n1,,{MOMENT}\n", ["line 3", "''", "'item'"]),
        (f"user,item,timestamp\n1,2,{MOMENT}\n1.5,2,{MOMENT}\n", ["line 3", "'1.5'", "'user'"]),
        (f"user,item,timestamp\n{2**63},2,{MOMENT}\n", ["line 2", str(2**63), "'user'"]),
        (f"user,item,timestamp\n1,2,{MOMENT}\n1,2\n", ["line 3", "2 fields", "'1,2'"]),
        (f"user,item,timestamp\n1,2,{MOMENT},9\n", ["line 2", "4 fields"]),
        (f"user,item,timestamp\n1,2,{MOMENT}\n1,3,-5\n", ["line 3", "-5", "negative", "milliseconds"]),
        (
            f"user,item,timestamp\n1,2,{MOMENT}\n1,3,{MOMENT // 1000}\n",
            ["line 3", "in seconds", "expected milliseconds"],
        ),
    ],
)
def test_bad_pairs_are_located(write, content, fragments):
    refused(microlens.read_pairs, write("pairs.csv", content), *fragments)


def test_a_missing_file_is_named(tmp_path):
    for name in ("pairs.csv", "pairs.tsv"):
        refused(microlens.read_pairs, tmp_path / name, "does not exist")


@pytest.mark.parametrize("content", ["7\t3 1 2\n8\t5\n", "\ufeff7\t3 1 2\r\n8\t5\r\n"])
def test_pairs_in_tsv_have_no_times(write, content):
    users, items, timestamps = microlens.read_pairs(write("pairs.tsv", content))
    assert (users.tolist(), items.tolist(), timestamps.tolist()) == ([7, 7, 7, 8], [3, 1, 2, 5], [0] * 4)


@pytest.mark.parametrize(
    ("content", "fragments"),
    [
        ("7\t3 1\n8 5\n", ["line 2", "no TAB", "'8 5'"]),
        ("7\t3 x\n", ["line 1", "'x'", "'item'", "integer"]),
        ("u\t3\n", ["line 1", "'u'", "'user'"]),
        (f"7\t{2**63}\n", ["line 1", str(2**63), "'item'"]),
    ],
)
def test_bad_tsv_is_located(write, content, fragments):
    refused(microlens.read_pairs, write("pairs.tsv", content), *fragments)


def test_a_comment_may_hold_tabs_and_be_empty(write):
    comments = read_comments(write("c.txt", "1\t2\tso\tgood\r\n3\t4\t\n5\t6\ta\u2028b, c\n"))
    assert comments.to_dict("list") == {
        "user_id": [1, 3, 5],
        "item_id": [2, 4, 6],
        "comment": ["so\tgood", "", "a\u2028b, c"],
    }
    refused(read_comments, write("c.txt", "1\t2\ta\n1\t2\n"), "line 2", "found 2 fields")
    refused(read_comments, write("c.txt", "1\t2\ta\n\n1\n"), "line 3", "found 1 fields")
    refused(read_comments, write("c.txt", "1\t2\ta\nx\t2\tb\n"), "line 2", "'x'", "'user'")
    refused(read_comments, write("c.txt", b"1\t2\ta\n1\t2\t\xff\n"), "line 2", "0xff", "utf-8")
    refused(read_comments, write("c.txt", ""), "empty")


LINES = st.tuples(
    st.integers(-5, 2**40),
    st.integers(0, 30),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=9),
)


@given(st.lists(LINES, min_size=1, max_size=30), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(1, 200))
def test_any_comments_round_trip_however_the_file_is_cut(tmp_path_factory, lines, end, mark, size):
    path = tmp_path_factory.mktemp("comments") / "c.txt"
    content = end.join(f"{user}\t{item}\t{text}" for user, item, text in lines) + end
    path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + content.encode())
    expected = [(user, item, text.removesuffix("\r") if end == "\n" else text) for user, item, text in lines]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "SLICE", size)
        patch.setattr(comment_file, "BATCH", 1 + size % 7)
        found = read_comments(path)
        assert list(found.itertuples(index=False, name=None)) == expected
        file = comment_file.CommentFile(path)
        _, _, starts, lengths = (np.concatenate(parts) for parts in zip(*file.rows(), strict=True))
        order = np.random.default_rng(size).permutation(len(starts))
        assert file.texts(starts[order], lengths[order]).to_pylist() == [expected[row][2] for row in order]


def test_categories(write):
    content = "item,category\r\n3,food, drink\r\n1,\r\n3,later\r\n"
    assert microlens.read_categories(write("c.csv", content)) == {3: "food, drink", 1: ""}
    refused(microlens.read_categories, write("c.csv", "item,tag\n1,a\n"), "line 1", "'item,tag'", "'item,category'")
    refused(microlens.read_categories, write("c.csv", "item,category\n1,a\n2\n"), "line 3", "'2'")
    refused(microlens.read_categories, write("c.csv", "item,category\nx,a\n"), "line 2", "'x'")


def test_covers_are_listed_by_their_names(tmp_path, write):
    folder = tmp_path / "covers"
    (folder / "inner").mkdir(parents=True)
    Image.new("RGB", (4, 4)).save(folder / "1.jpg")
    Image.new("RGB", (4, 4)).save(folder / "inner" / "2.jpg")
    (folder / "3.jpg").write_text("no image")
    (folder / "4.jpg").write_bytes(b"")
    (folder / "readme.jpg").write_text("not named as an item")
    (folder / "5.PNG").touch()
    paths = {
        "interactions": write("pairs.tsv", "7\t1 2 3\n"),
        "covers": folder,
        "titles": write("t.csv", "1,one\n9,nine\n"),
    }
    raw = datasets.read_dataset("microlens", paths, ["title", "cover"])
    assert raw.counts == {}, "a picture is opened, and counted if it is damaged, where it is encoded"
    found = {1: "1.jpg", 2: "inner/2.jpg", 3: "3.jpg", 4: "4.jpg", 5: "5.PNG"}
    assert raw.items["cover"].dropna().to_dict() == found
    assert raw.items["title"].dropna().to_dict() == {1: "one", 9: "nine"}
    with pytest.raises(InputError, match="nowhere"):
        datasets.read_dataset("microlens", {**paths, "covers": tmp_path / "nowhere"}, ["cover"])


def test_only_what_is_asked_for_is_read(write):
    raw = datasets.read_dataset("microlens", {"interactions": write("pairs.tsv", "7\t1 2 3\n")}, [])
    assert raw.items.empty and raw.comments is None and raw.counts == {}
    with pytest.raises(InputError, match=r"'microlense'; did you mean microlens"):
        datasets.read_dataset("microlense", {}, [])
