"""The sample dataset: a seeded generator that writes the layout of MicroLens.

The files are MicroLens' own, so the sample takes the same way through the
workflow as the real data, and what it plants is known: tastes that drift, series
that are watched on, series that go together though no title says so, and titles,
comments, categories and pictures that show an item's topic and series.
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

#: Shares of the titles that are empty, that several items share, that name the series and that carry an emoji.
EMPTY_SHARE, SHARED_SHARE, NAMED_SHARE, EMOJI_SHARE = 0.005, 0.02, 0.75, 0.05

#: Words of its topic that a series is about.
SUBJECT_WORDS = 3

#: Share of the comments that have no word of the topic.
WORDLESS_SHARE = 0.3


def generate_tables(parameters, paths):
    """Write the tables whose roles `paths` holds, each whole or not at all.

    A table's bytes do not depend on which others are written with it.

    Parameters
    ----------
    parameters : types.SimpleNamespace
        The complete keys of ``generate`` in the definition of a dataset; see ``config/schemas/config.schema.yaml``.
    paths : dict of str to str or Path
        Keys of `ROLES`: ``interactions`` (CSV), ``titles`` (``item, title``, not valid
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
        Each appears whole or not at all and replaces an older one; None leaves it out.
    """
    with contextlib.ExitStack() as stack:
        folders = [folder and stack.enter_context(atomic(folder)) for folder in (folder_covers, folder_frames)]
        for folder in filter(None, folders):
            Path(folder).mkdir()
        draw_scenes(build_world(parameters), parameters, generator(parameters, IMAGES), *folders)


def _open(stack, path):
    """Return a file to write to that takes its place at `path` when `stack` is left without an error."""
    temporary = stack.enter_context(atomic(path))
    # newline="" keeps the line ends as they are written: LF but for the titles' CRLF.
    return stack.enter_context(open(temporary, "w", encoding="utf-8", newline=""))


def _write_interactions(world, parameters, files):
    """Simulate the users chunk by chunk and write the tables that are made of their interactions."""
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
    """Write likes and views, which follow the number of interactions at the end of time, in item order."""
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
    """Return the titles in shelf order, each of the content on that shelf."""
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
    """Return the few words of its topic that the titles of a series keep to."""
    vocabulary = words.topic_words(topic)[1]
    parts = len(vocabulary) // SUBJECT_WORDS
    start = series % parts * SUBJECT_WORDS
    return vocabulary[start : start + SUBJECT_WORDS]


def _pick(choices, share):
    """Return the entry of `choices` at `share` (0 to 1, exclusive) of its length."""
    return choices[int(share * len(choices))]
