"""The MovieLens adapter: three layouts, seconds, Latin-1."""

import numpy as np
import pytest

from reelrank import datasets
from reelrank.errors import InputError

MOMENT = 880_000_000
GENRES = "unknown|0\nAction|1\nDrama|2\n\n"


def files_100k(folder):
    """Write a small ml-100k."""
    paths = {
        role: folder / name
        for role, name in [("interactions", "u.data"), ("movies", "u.item"), ("users", "u.user"), ("genres", "u.genre")]
    }
    paths["interactions"].write_text(f"1\t10\t5\t{MOMENT}\n2\t20\t3\t{MOMENT + 1}\n")
    paths["movies"].write_bytes(
        "10|Café, Le (1995)|01-Jan-1995||http://x|0|1|1\n20|unknown||||1|0|0\n".encode("iso-8859-1")
    )
    paths["users"].write_text("1|24|M|technician|85711\n2|53|F|other|94043\n")
    paths["genres"].write_text(GENRES)
    return paths, "ml-100k"


def files_1m(folder):
    """Write a small ml-1m."""
    paths = {
        role: folder / f"{name}.dat"
        for role, name in [("interactions", "ratings"), ("movies", "movies"), ("users", "users")]
    }
    paths["interactions"].write_text(f"1::10::5::{MOMENT}\n2::20::3::{MOMENT + 1}\n")
    paths["movies"].write_bytes("10::Café, Le (1995)::Action|Drama\n20::unknown::unknown\n".encode("iso-8859-1"))
    paths["users"].write_text("1::M::24::17::85711\n2::F::53::0::94043\n")
    return paths, "ml-1m"


def files_20m(folder):
    """Write a small ml-20m."""
    paths = {"interactions": folder / "ratings.csv", "movies": folder / "movies.csv"}
    paths["interactions"].write_text(f"userId,movieId,rating,timestamp\n1,10,5.0,{MOMENT}\n2,20,3.0,{MOMENT + 1}\n")
    paths["movies"].write_text(
        'movieId,title,genres\r\n10,"Café, Le (1995)",Action|Drama\r\n20,unknown,unknown\r\n', encoding="utf-8"
    )
    return paths, "ml-20m"


RELEASES = [files_100k, files_1m, files_20m]


def read(paths, release, fields=("title", "category")):
    return datasets.read_dataset("movielens", paths, fields, {"format": release})


@pytest.mark.parametrize("files", RELEASES)
def test_a_release(tmp_path, files):
    paths, release = files(tmp_path)
    raw = read(paths, release)
    assert raw.user_ids.tolist() == [1, 2] and raw.item_ids.tolist() == [10, 20]
    assert raw.timestamps.tolist() == [MOMENT * 1000, (MOMENT + 1) * 1000]
    assert raw.ratings.tolist() == [5, 3] and raw.ratings.dtype == np.float32
    assert raw.items.to_dict("index") == {
        10: {"title": "Café, Le (1995)", "category": "Action|Drama"},
        20: {"title": "unknown", "category": "unknown"},
    }
    if "users" in paths:
        assert raw.users.to_dict("index") == {
            1: {"age": 24, "gender": "M", "occupation": "technician"},
            2: {"age": 53, "gender": "F", "occupation": "other"},
        }
    else:
        assert raw.users.empty
    assert read(paths, release, ["category"]).items.columns.tolist() == ["category"]


@pytest.mark.parametrize("files", RELEASES)
@pytest.mark.parametrize("timestamp", [-1, MOMENT * 1000])
def test_times_must_be_seconds(tmp_path, files, timestamp):
    paths, release = files(tmp_path)
    text = paths["interactions"].read_text()
    paths["interactions"].write_text(text.replace(str(MOMENT + 1), str(timestamp)))
    line = len(text.splitlines())
    with pytest.raises(InputError, match=f"line {line}: found timestamp {timestamp} .*expected seconds"):
        read(paths, release)


@pytest.mark.parametrize(
    ("files", "role", "old", "new", "expected"),
    [
        (files_100k, "interactions", "2\t20", "two\t20", r"u.data: line 2: found 'two' for 'userId'"),
        (files_100k, "interactions", "2\t20\t3", "2\t20", r"u.data: line 2: found 3 fields"),
        (files_100k, "movies", "20|", "x|", r"u.item: line 2: found 'x' for 'item'"),
        (files_100k, "movies", "|1|0|0", "|1|0", r"u.item: line 2: found 7 fields.*expected 8"),
        (files_100k, "users", "|53|", "|old|", r"u.user: line 2: found 'old' for 'age'"),
        (files_100k, "genres", "Action|1", "Action", r"u.genre: line 2: found 1 fields"),
        (files_1m, "interactions", "2::20::3", "2::20::good", r"ratings.dat: line 2: found 'good' for 'rating'"),
        (files_1m, "movies", "20::", "20:", r"movies.dat: line 2: found 2 fields.*expected 3"),
        (files_1m, "users", "::0::", "::21::", r"users.dat: line 2: found occupation 21; expected 0 to 20"),
        (files_20m, "interactions", "userId", "user", r"ratings.csv: line 1: found the header 'user,"),
        (files_20m, "interactions", "2,20,3.0", "2,20", r"ratings.csv: line 3: found 3 fields"),
        (files_20m, "movies", "title", "name", r"movies.csv: line 1: found the header"),
        (files_20m, "movies", "20,unknown,", "20,", r"movies.csv: line 3: found 2 fields; expected 3"),
        (files_20m, "movies", "20,", "x,", r"movies.csv: line 3: found 'x' for 'item'"),
    ],
)
def test_bad_fields_are_located(tmp_path, files, role, old, new, expected):
    paths, release = files(tmp_path)
    text = paths[role].read_bytes().decode("iso-8859-1")
    assert old in text
    paths[role].write_bytes(text.replace(old, new).encode("iso-8859-1"))
    with pytest.raises(InputError, match=expected):
        read(paths, release)


def test_a_catalogue_that_is_not_utf_8_is_located(tmp_path):
    paths, release = files_20m(tmp_path)
    paths["movies"].write_bytes(paths["movies"].read_bytes().decode().encode("iso-8859-1"))
    with pytest.raises(InputError, match=r"movies.csv: line 2: found byte 0xe9; expected utf-8"):
        read(paths, release)


def test_an_unknown_release_and_a_users_file_that_20m_has_not(tmp_path):
    paths, release = files_20m(tmp_path)
    with pytest.raises(InputError, match=r"'ml-100'; did you mean ml-100k"):
        read(paths, "ml-100")
    with pytest.raises(InputError, match="no users file"):
        read({**paths, "users": tmp_path / "users.csv"}, release)


def test_the_first_row_of_an_item_counts(tmp_path):
    paths, release = files_1m(tmp_path)
    paths["movies"].write_text("10::first::a\n10::second::b\n20::third::c\n")
    assert read(paths, release).items["title"].to_dict() == {10: "first", 20: "third"}


def test_the_published_100k(shared_data):
    folder = shared_data("ml-100k")
    names = {"interactions": "u.data", "movies": "u.item", "users": "u.user", "genres": "u.genre"}
    raw = read({role: folder / name for role, name in names.items()}, "ml-100k")
    assert (len(np.unique(raw.user_ids)), len(np.unique(raw.item_ids)), len(raw.user_ids)) == (943, 1682, 100_000)
    assert len(raw.users) == 943 and len(raw.items) == 1682
    latin = {int(row.split(b"|")[0]): row.split(b"|")[1] for row in (folder / "u.item").read_bytes().splitlines()}
    assert raw.items["title"].to_dict() == {item: title.decode("latin-1").strip() for item, title in latin.items()}
    assert raw.items.loc[1, "category"] == "Animation|Children's|Comedy"
    assert raw.users.loc[1].to_dict() == {"age": 24, "gender": "M", "occupation": "technician"}
