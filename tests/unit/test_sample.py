"""The sample dataset: its layout, its determinism and the signals that it plants."""

import numpy as np
import pandas as pd
import pytest
from configs import refused
from PIL import Image
from sample_parameters import changed, sample_parameters
from sklearn.feature_extraction.text import TfidfVectorizer
from small_data import read_comments

from reelrank.datasets import microlens, sample_words
from reelrank.datasets.sample import ROLES, draw_images, generate_tables
from reelrank.datasets.sample_world import CHUNK, FIRST_MOMENT, PERIODS, build_world, simulate
from reelrank.errors import InputError

SMALL = sample_parameters(users=300, items=80, topics=8)
MODEST = sample_parameters(users=1500, items=400)


def write(parameters, folder, roles=ROLES):
    paths = {role: folder / f"{role}.txt" for role in roles}
    generate_tables(parameters, paths)
    return paths


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class Simulated:
    """What the users of `parameters` chose, with the truth about the items, by item id minus 1."""

    def __init__(self, parameters):
        self.world = build_world(parameters)
        shelf_of_item = np.argsort(self.world.item_ids)
        self.topic, self.series = self.world.topic[shelf_of_item], self.world.series[shelf_of_item]
        chunks = list(simulate(self.world, parameters))
        users = np.concatenate([chunk[1] for chunk in chunks])
        self.items = np.concatenate([self.world.item_ids[chunk[2]] - 1 for chunk in chunks])
        self.times = np.concatenate([chunk[3] for chunk in chunks])
        histories = np.split(self.items, np.flatnonzero(np.diff(users)) + 1)
        self.histories = [history for history in histories if len(history) >= 3]


@pytest.fixture(scope="module")
def modest():
    return Simulated(MODEST)


@pytest.fixture(scope="module")
def small_tables(tmp_path_factory):
    return write(SMALL, tmp_path_factory.mktemp("sample"))


def test_the_same_parameters_make_the_same_bytes_and_another_seed_others(tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write(changed(SMALL, seed=seed), tmp_path / name)
        draw_images(changed(SMALL, items=10, seed=seed), tmp_path / f"{name}-covers", tmp_path / f"{name}-frames")
    for suffix in ("", "-covers", "-frames"):
        a, b, c = (contents(tmp_path / f"{name}{suffix}") for name in "abc")
        assert a == b
        assert all(a[name] != c[name] for name in a)


def test_a_table_does_not_depend_on_which_others_are_written(small_tables, tmp_path):
    for role in ROLES:
        alone = write(SMALL, tmp_path, [role])[role]
        assert alone.read_bytes() == small_tables[role].read_bytes()


def test_more_users_leave_the_first_ones_as_they_are(small_tables, tmp_path):
    lines = small_tables["interactions"].read_text().splitlines()
    more = write(changed(SMALL, users=CHUNK + 10), tmp_path, ["interactions"])["interactions"].read_text().splitlines()
    assert more[: len(lines)] == lines
    assert more[-1].startswith(f"{CHUNK + 10},")


def test_content_signal_leaves_the_interactions_as_they_are(small_tables, tmp_path):
    paths = write(changed(SMALL, content_signal=False), tmp_path)
    for role in ("interactions", "likes_and_views"):
        assert paths[role].read_bytes() == small_tables[role].read_bytes()
    for role in ("titles", "categories", "comments"):
        assert paths[role].read_bytes() != small_tables[role].read_bytes()


def test_interactions_are_sorted_milliseconds_with_some_ties_repeats_and_short_users(modest, tmp_path):
    path = write(MODEST, tmp_path, ["interactions"])["interactions"]
    assert path.read_bytes().startswith(b"user,item,timestamp\n") and b"\r" not in path.read_bytes()
    table = pd.read_csv(path)
    assert table["user"].is_monotonic_increasing
    assert set(table["user"]) == set(range(1, MODEST.users + 1))
    assert table["item"].between(1, MODEST.items).all()
    assert table["timestamp"].between(FIRST_MOMENT, 1_704_067_200_000).all()  # to the end of 2023
    assert np.ptp(table["timestamp"]) > 300 * 24 * 3600 * 1000
    gaps = table.groupby("user")["timestamp"].diff().dropna()
    assert (gaps >= 0).all()
    assert 0.005 < (gaps == 0).mean() < 0.06
    assert 0 < table.duplicated(["user", "item"]).mean() < 0.004
    lengths = table.groupby("user").size()
    assert 0.002 < (lengths < 3).mean() < 0.03
    assert abs(lengths.mean() - MODEST.interactions_per_user) < 1


def test_titles_have_crlf_no_header_and_raw_text(tmp_path):
    data = write(sample_parameters(users=1, items=2000), tmp_path, ["titles"])["titles"].read_bytes()
    assert data.count(b"\n") == data.count(b"\r\n") == 2000
    lines = data.decode("utf-8").split("\r\n")[:-1]
    items, titles = zip(*(line.split(", ", 1) for line in lines), strict=True)
    assert items == tuple(str(item) for item in range(1, 2001))
    assert 0 < titles.count("") < 30
    assert titles.count("the wonderful video") > 1
    assert '"' not in data.decode("utf-8")
    assert sum("," in title for title in titles) > 100
    assert any(emoji in title for title in titles for emoji in sample_words.EMOJI)
    named = [title for title in titles if any(f"{word} " in title for word in sample_words.ADJECTIVES)]
    assert 0.7 < len(named) / len(titles) < 0.8


def test_the_other_tables_follow_the_interactions(small_tables):
    pairs = pd.read_csv(small_tables["interactions"])
    rows = [line.split("\t") for line in small_tables["comments"].read_text(encoding="utf-8").splitlines()]
    assert [(int(user), int(item)) for user, item, _ in rows] == list(zip(pairs["user"], pairs["item"], strict=True))
    assert all(comment for _, _, comment in rows)
    counted = pd.read_csv(small_tables["likes_and_views"], sep="\t", names=["item", "likes", "views"])
    assert counted["item"].tolist() == list(range(1, SMALL.items + 1))
    assert (counted["likes"] <= counted["views"]).all()
    popularity = pairs["item"].value_counts().reindex(counted["item"], fill_value=0)
    assert popularity.reset_index(drop=True).corr(counted["views"], method="spearman") > 0.5
    categories = pd.read_csv(small_tables["categories"])
    assert list(categories.columns) == ["item", "category"]
    assert categories["item"].tolist() == list(range(1, SMALL.items + 1))
    assert set(categories["category"]) == set(list(sample_words.TOPICS)[: SMALL.topics])


def test_the_microlens_adapter_reads_it(small_tables, tmp_path):
    draw_images(SMALL, tmp_path / "covers", None)
    raw = microlens.read(small_tables | {"covers": tmp_path / "covers"}, ["title", "category", "comments", "cover"], {})
    assert len(raw.items) == SMALL.items
    assert raw.items["cover"].notna().all()
    assert len(read_comments(raw.comments.path)) == len(small_tables["interactions"].read_text().splitlines()) - 1


def test_images_have_their_size_and_names_and_replace_older_folders(tmp_path):
    parameters = sample_parameters(items=7, image_size=40, frames_per_item=5)
    (tmp_path / "covers").mkdir()
    (tmp_path / "covers" / "old.jpg").write_bytes(b"old")
    draw_images(parameters, tmp_path / "covers", tmp_path / "frames")
    assert set(contents(tmp_path / "covers")) == {f"{item}.jpg" for item in range(1, 8)}
    assert set(contents(tmp_path / "frames")) == {f"{item}-{n}.jpg" for item in range(1, 8) for n in range(1, 6)}
    for path in [*(tmp_path / "covers").iterdir(), *(tmp_path / "frames").iterdir()]:
        with Image.open(path) as image:
            assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (40, 40))
    draw_images(parameters, tmp_path / "alone", None)
    assert contents(tmp_path / "alone") == contents(tmp_path / "covers")


@pytest.mark.parametrize(
    "parameters",
    [
        sample_parameters(users=1, items=3),
        sample_parameters(users=5, items=1, topics=1),
        sample_parameters(users=20, items=6, topics=30),
        sample_parameters(users=50, items=200, topics=60, series_size=1),
        sample_parameters(users=50, items=12, interactions_per_user=3, continue_probability=1.0, drift=1.0),
        sample_parameters(users=50, items=12, interactions_per_user=40, zipf_exponent=0.0),
    ],
)
def test_odd_sizes_work(parameters, tmp_path):
    paths = write(parameters, tmp_path)
    table = pd.read_csv(paths["interactions"])
    assert set(table["user"]) == set(range(1, parameters.users + 1))
    assert table.groupby("user").size().max() <= parameters.items
    assert len(paths["titles"].read_bytes().splitlines()) == parameters.items
    draw_images(parameters, tmp_path / "covers", None)
    assert len(contents(tmp_path / "covers")) == parameters.items


def test_words_beyond_the_lists_are_numbered_and_series_names_unique():
    assert all(len(text.split()) == 15 for text in sample_words.TOPICS.values())
    first, again = sample_words.topic_words(0), sample_words.topic_words(len(sample_words.TOPICS))
    assert again == (f"{first[0]} 2", [f"{word}2" for word in first[1]])
    assert len(set(sample_words.series_names(4000, np.random.default_rng(0)))) == 4000


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"users": -3}, "datasets.sample.generate.users: -3 is less than the minimum of 1"),
        ({"items": 2.5}, "datasets.sample.generate.items: 2.5 is not of type 'integer'"),
        ({"users": True}, "datasets.sample.generate.users: True is not of type 'integer'"),
        (
            {"interactions_per_user": 2},
            "generate.interactions_per_user: 2 is less than the minimum of 3",
        ),
        ({"zipf_exponent": float("nan")}, "datasets.sample.generate.zipf_exponent: nan is not of type 'number'"),
        ({"drift": 1.5}, "datasets.sample.generate.drift: 1.5 is greater than the maximum of 1"),
        ({"drift": "much"}, "datasets.sample.generate.drift: 'much' is not of type 'number'"),
        ({"content_signal": 1}, "datasets.sample.generate.content_signal: 1 is not of type 'boolean'"),
    ],
)
def test_a_bad_parameter_is_refused_by_its_key(values, message):
    refused({"datasets": {"sample": {"generate": values}}}, message)


def test_an_unknown_role_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(InputError, match=r"unknown table 'title'.*did you mean titles"):
        generate_tables(SMALL, {"interactions": tmp_path / "pairs.csv", "title": tmp_path / "t.csv"})
    assert not contents(tmp_path)


def test_the_last_item_shares_topic_and_series_with_the_history(modest):
    rng = np.random.default_rng(0)
    for label, factor in ((modest.topic, 1.5), (modest.series, 2)):
        last = np.mean([label[history[-1]] in label[history[:-1]] for history in modest.histories])
        others = rng.permutation([history[-1] for history in modest.histories])
        pairs = zip(others, modest.histories, strict=True)
        chance = np.mean([label[item] in label[history[:-1]] for item, history in pairs])
        assert last > factor * chance


def test_consecutive_items_share_series_more_than_items_three_apart(modest):
    rows = [modest.series[history] for history in modest.histories]
    near, far = (np.concatenate([row[k:] == row[:-k] for row in rows]).mean() for k in (1, 3))
    assert near > 1.5 * far


def test_popularity_is_concentrated_as_the_exponent_says():
    def top_share(zipf_exponent):
        """Share of the interactions on the top 10% of the items."""
        simulated = Simulated(changed(MODEST, items=1000, zipf_exponent=zipf_exponent))
        counts = np.sort(np.bincount(simulated.items, minlength=1000))[::-1]
        return counts[:100].sum() / counts.sum()

    assert top_share(0.9) > 0.3
    assert top_share(0.9) > top_share(0.0) + 0.05


def test_popularity_moves(modest):
    early = np.bincount(modest.items[modest.times < np.quantile(modest.times, 0.25)], minlength=MODEST.items)
    late = np.bincount(modest.items[modest.times > np.quantile(modest.times, 0.75)], minlength=MODEST.items)
    assert np.corrcoef(early, late)[0, 1] < 0.5
    for weeks in np.diff(modest.world.reach).reshape(2, PERIODS, MODEST.items):
        peak = weeks.argmax(axis=0)
        items = np.flatnonzero((peak > 0) & (peak < PERIODS - 20))
        assert (weeks[peak[items] - 1, items] < 0.05 * weeks[peak[items], items]).all()
        assert (weeks[peak[items] + 20, items] < 0.2 * weeks[peak[items], items]).all()


def test_taste_drifts(modest):
    still = Simulated(changed(MODEST, drift=0.0, continue_probability=0.0))
    moving = Simulated(changed(MODEST, drift=1.0, continue_probability=0.0))

    def kept(simulated):
        """Share of histories whose last items are of the topics of the first."""
        long = [simulated.topic[history] for history in simulated.histories if len(history) >= 8]
        return np.mean([np.isin(topics[-3:], topics[:3]).mean() for topics in long])

    assert kept(moving) < 0.75 * kept(still)


@pytest.mark.parametrize(("content_signal", "low", "high"), [(True, 0.65, 1.0), (False, 0.45, 0.55)])
def test_titles_tell_the_held_out_item_only_with_content_signal(modest, content_signal, low, high, tmp_path):
    path = write(changed(MODEST, content_signal=content_signal), tmp_path, ["titles"])["titles"]
    titles = microlens.read_titles(path)
    vectors = TfidfVectorizer().fit_transform([titles[item + 1] for item in range(MODEST.items)]).toarray()
    rng = np.random.default_rng(0)
    wins = []
    for history in modest.histories:
        profile = vectors[history[:-1]].mean(axis=0)
        unseen = np.setdiff1d(rng.integers(MODEST.items, size=50), history)
        truth, others = vectors[history[-1]] @ profile, vectors[unseen] @ profile
        wins.append(np.mean(truth > others) + np.mean(truth == others) / 2)
    assert low < np.mean(wins) < high


def test_comments_and_categories_tell_the_topic(modest, tmp_path):
    paths = write(MODEST, tmp_path, ["comments", "categories"])
    categories = microlens.read_categories(paths["categories"])
    truth = {item + 1: sample_words.topic_words(int(topic)) for item, topic in enumerate(modest.topic)}
    assert categories == {item: category for item, (category, _) in truth.items()}
    comments = read_comments(paths["comments"])
    pairs = zip(comments["item_id"], comments["comment"], strict=True)
    assert 0.6 < np.mean([any(word in comment for word in truth[item][1]) for item, comment in pairs]) < 0.9


@pytest.mark.parametrize("content_signal", [True, False])
def test_colours_tell_the_topic_only_with_content_signal(modest, content_signal, tmp_path):
    draw_images(changed(MODEST, content_signal=content_signal), tmp_path / "covers", None)
    covers = []
    for item in range(1, MODEST.items + 1):
        with Image.open(tmp_path / "covers" / f"{item}.jpg") as image:
            covers.append(np.asarray(image, dtype=float))
    chance = 1 / MODEST.topics
    for corner in (0, -8):  # the whole picture, and a corner that has no shape
        colours = np.array(covers)[:, corner:, corner:].mean(axis=(1, 2))
        distances = np.square(colours[:, None] - colours).sum(axis=2)
        np.fill_diagonal(distances, np.inf)
        hits = np.mean(modest.topic[distances.argmin(axis=1)] == modest.topic)
        assert hits > 5 * chance if content_signal else hits < 2.5 * chance
