"""The sample dataset: a seeded generator that writes the layout of MicroLens.

The files have the names and formats of MicroLens, so the workflow treats the sample like real
data. The generator plants known effects: tastes that drift, series that users continue, series
that the same users like although no title shows it, and titles, comments, categories and
pictures that show an item's topic and series.
"""

import contextlib
from pathlib import Path

import numpy as np

from reelrank.datasets import sample_words as words
from reelrank.datasets.sample_images import draw_scenes
from reelrank.datasets.sample_world import COMMENTS, IMAGES, LIKES, TITLES, build_world, generator, simulate
from reelrank.errors import InputError, suggest
from reelrank.files import atomic

#: The tables, by role.
ROLES = ("interactions", "titles", "comments", "likes_and_views", "categories")

#: Shares of titles that are empty, shared by several items, with the name of the series, and with an emoji.
EMPTY_SHARE, SHARED_SHARE, NAMED_SHARE, EMOJI_SHARE = 0.005, 0.02, 0.75, 0.05

#: Number of the topic's words that the titles of a series use.
SUBJECT_WORDS = 3

#: Share of comments without a word of the topic.
WORDLESS_SHARE = 0.3


def generate_tables(parameters, paths):
    """Write the tables in `paths`, each atomically.

    The bytes of a table do not depend on the other tables in `paths`.

    Parameters
    ----------
    parameters : types.SimpleNamespace
        The complete keys of ``generate`` in the definition of a dataset; see ``config/schemas/config.schema.yaml``.
    paths : dict of str to str or Path
        Roles in `ROLES`: ``interactions`` (CSV), ``titles`` (``item, title``, not valid
        CSV, CRLF), ``comments`` and ``likes_and_views`` (TAB), ``categories`` (CSV).

    Raises
    ------
    InputError
        If a role is unknown.
    """
    for role in paths:
        if role not in ROLES:
            raise InputError(f"unknown table {role!r} of the sample; {suggest(role, ROLES)}")
    world = build_world(parameters)
    with contextlib.ExitStack() as stack:
        files = {role: _open(stack, path) for role, path in paths.items()}
        if files.keys() & {"interactions", "comments", "likes_and_views"}:
            _write_interactions(world, parameters, files)
        if "titles" in files:
            titles = make_titles(world, parameters)
            rows = sorted(zip(world.item_ids.tolist(), (titles[shelf] for shelf in world.shown), strict=True))
            files["titles"].write("".join(f"{item}, {title}\r\n" for item, title in rows))
        if "categories" in files:
            categories = [words.topic_words(topic)[0] for topic in range(parameters.topics)]
            shown = world.topic[world.shown].tolist()
            rows = sorted(zip(world.item_ids.tolist(), (categories[topic] for topic in shown), strict=True))
            files["categories"].write("item,category\n" + "".join(f"{item},{category}\n" for item, category in rows))


def draw_images(parameters, folder_covers, folder_frames):
    """Write the JPEG covers ``{item}.jpg`` and frames ``{item}-{1..frames_per_item}.jpg``.

    Parameters
    ----------
    parameters : types.SimpleNamespace
    folder_covers, folder_frames : str, Path or None
        Each is written atomically and replaces an older one; None leaves it out.
    """
    with contextlib.ExitStack() as stack:
        folders = [folder and stack.enter_context(atomic(folder)) for folder in (folder_covers, folder_frames)]
        for folder in filter(None, folders):
            Path(folder).mkdir()
        draw_scenes(build_world(parameters), parameters, generator(parameters, IMAGES), *folders)


def _open(stack, path):
    """Return a file for writing; it moves to `path` if `stack` closes without an error."""
    temporary = stack.enter_context(atomic(path))
    # newline="" writes line ends unchanged: LF, and CRLF in the titles.
    return stack.enter_context(open(temporary, "w", encoding="utf-8", newline=""))


def _write_interactions(world, parameters, files):
    """Simulate the users chunk by chunk and write the tables that depend on their interactions."""
    views = np.zeros(parameters.items, dtype=np.int64)
    vocabulary = [words.topic_words(topic)[1] for topic in range(parameters.topics)]
    if "interactions" in files:
        files["interactions"].write("user,item,timestamp\n")
    for chunk, users, shelves, timestamps in simulate(world, parameters):
        views += np.bincount(shelves, minlength=parameters.items)
        users, items = users.tolist(), world.item_ids[shelves].tolist()
        if "interactions" in files:
            rows = zip(users, items, timestamps.tolist(), strict=True)
            files["interactions"].writelines(f"{user},{item},{timestamp}\n" for user, item, timestamp in rows)
        if "comments" in files:
            topics = world.topic[world.shown[shelves]]
            comments = _comments(topics, vocabulary, generator(parameters, COMMENTS, chunk))
            rows = zip(users, items, comments, strict=True)
            files["comments"].writelines(f"{user}\t{item}\t{comment}\n" for user, item, comment in rows)
    if "likes_and_views" in files:
        _write_likes(world, views, generator(parameters, LIKES), files["likes_and_views"])


def _write_likes(world, interactions, rng, file):
    """Write likes and views in item order; both grow with the item's final number of interactions."""
    views = (50 * (interactions + 1) * rng.lognormal(0, 0.5, len(interactions))).astype(np.int64)
    likes = (views * rng.uniform(0.02, 0.15, len(views))).astype(np.int64)
    order = np.argsort(world.item_ids)
    rows = zip(world.item_ids[order].tolist(), likes[order].tolist(), views[order].tolist(), strict=True)
    file.writelines(f"{item}\t{like}\t{view}\n" for item, like, view in rows)


def _comments(topics, vocabulary, rng):
    """Yield one comment per entry of `topics` (n,), most with a word of the topic."""
    draws = rng.random((len(topics), 4)).tolist()
    for topic, (kind, opening, word, ending) in zip(topics.tolist(), draws, strict=True):
        if kind < WORDLESS_SHARE:
            yield _pick(words.WORDLESS_COMMENTS, opening) + _pick(words.ENDINGS, ending)
        else:
            yield _pick(words.OPENINGS, opening).format(_pick(vocabulary[topic], word)) + _pick(words.ENDINGS, ending)


def make_titles(world, parameters):
    """Return the titles in shelf order, each for the item on that shelf."""
    rng = generator(parameters, TITLES)
    names = words.series_names(len(world.series_bounds) - 1, rng)
    draws = rng.random((parameters.items, 6)).tolist()
    titles = []
    for shelf, (kind, template, first, second, generic, emoji) in enumerate(draws):
        if kind < EMPTY_SHARE:
            titles.append("")
            continue
        if kind < EMPTY_SHARE + SHARED_SHARE:
            titles.append(_pick(words.SHARED_TITLES, template))
            continue
        subject = _subject(int(world.topic[shelf]), int(world.series[shelf]))
        first = int(first * len(subject))
        # Two different words.
        second = (first + 1 + int(second * (len(subject) - 1))) % len(subject)
        named = kind < EMPTY_SHARE + SHARED_SHARE + NAMED_SHARE
        title = _pick(words.SERIES_TITLES if named else words.PLAIN_TITLES, template).format(
            series=names[world.series[shelf]],
            a=subject[first],
            b=subject[second],
            generic=_pick(words.GENERIC, generic),
            number=int(world.episode[shelf]),
        )
        titles.append(f"{title} {_pick(words.EMOJI, emoji / EMOJI_SHARE)}" if emoji < EMOJI_SHARE else title)
    return titles


def _subject(topic, series):
    """Return the words of its topic that the titles of a series use."""
    vocabulary = words.topic_words(topic)[1]
    n_subjects = len(vocabulary) // SUBJECT_WORDS
    start = series % n_subjects * SUBJECT_WORDS
    return vocabulary[start : start + SUBJECT_WORDS]


def _pick(choices, share):
    """Return the entry of `choices` at the fraction `share` (0 to below 1) of its length."""
    return choices[int(share * len(choices))]
