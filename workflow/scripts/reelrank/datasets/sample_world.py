"""The simulated world of the sample dataset: its catalogue and its users' choices."""

from dataclasses import dataclass

import numpy as np

#: Start of the data (2022-01-01 UTC, in milliseconds), its length in days, and the days of one popularity period.
FIRST_MOMENT = 1_640_995_200_000
DAYS = 540
PERIOD_DAYS = 7
PERIODS = -(-DAYS // PERIOD_DAYS)
DAY = 86_400_000

#: Users simulated together. Each chunk has its own generators, so another value makes other data.
CHUNK = 4096

#: One independent stream of random numbers per purpose.
CATALOGUE, TITLES, LENGTHS, TIMES, CHOICES, COMMENTS, LIKES, IMAGES = range(8)

#: Share of the catalogue in the flat top of the popularity curve (Zipf-Mandelbrot). As on a real platform, no
#: single item dominates.
FLAT_TOP = 0.01

#: Exponent of the release times: below 1, the catalogue grows faster and many items are new at the end. Users'
#: last items then have few training interactions, so content can help.
GROWTH = 0.25

#: An item's relative popularity before and long after its release, and the days in which it falls by a factor e
#: within its series and topic. In the trend over all items, it falls faster.
BEFORE, AFTERWARDS, FADE_DAYS = 0.01, 0.05, 30
TREND_DAYS = 10

#: Mean days from a user's last choice to the end of the data, and from the first to the last choice.
SINCE_LAST_DAYS, ACTIVE_DAYS = 20, 150

#: Shape of the gamma distribution of the time between two choices: below 1, choices come in bursts.
GAP_SHAPE = 0.5

#: Among choices that do not continue a series: shares within a favourite series and within a favourite topic. All
#: others follow the trend.
FAVOURITE_SHARE, TOPIC_SHARE = 0.5, 0.25

#: Favourite series in one taste (a main one and some partners), and partners of each series. No title shows them.
FAVOURITES, PARTNERS = 3, 4

SHORT_SHARE, TIE_SHARE, REPEAT_SHARE = 0.01, 0.02, 0.001

#: Draws within the wanted range, then within the topic, before any unseen item is taken.
NARROW_DRAWS, WIDE_DRAWS = 3, 8


def generator(parameters, purpose, chunk=0):
    """Return the random generator of one purpose and one chunk of users."""
    return np.random.default_rng(np.random.SeedSequence([parameters.seed, purpose, chunk]))


@dataclass(frozen=True)
class World:
    """The catalogue in shelf order: sorted by topic, then series, so that each is one range of shelves.

    Attributes
    ----------
    item_ids : numpy.ndarray
        (n_items,) public id of the item on each shelf, 1 to n_items.
    topic, series, episode : numpy.ndarray
        (n_items,) topic, series and episode of the item on each shelf; the first episode is 1.
    shown : numpy.ndarray
        (n_items,) shelf that provides an item's title, category, comments and pictures: its own, or that of an
        unrelated item if `content_signal` is false.
    series_bounds, topic_bounds : numpy.ndarray
        (n_series + 1,) and (topics + 1,) first shelf of each.
    partners : numpy.ndarray
        (n_series, PARTNERS) series that the same users like.
    reach : numpy.ndarray
        (2 * PERIODS * n_items + 1,) running sum of popularity over shelves, period by period; first the ordinary
        periods, then those of the trend.
    """

    item_ids: np.ndarray
    topic: np.ndarray
    series: np.ndarray
    episode: np.ndarray
    shown: np.ndarray
    series_bounds: np.ndarray
    topic_bounds: np.ndarray
    partners: np.ndarray
    reach: np.ndarray

    def draw(self, low, high, period, rng):
        """Draw one shelf from each range [low, high), weighted by popularity in the period.

        Parameters
        ----------
        low, high, period : numpy.ndarray
            (n,) integers; add `PERIODS` to a period to follow its trend.
        rng : numpy.random.Generator

        Returns
        -------
        numpy.ndarray
            (n,) shelves.
        """
        offset = period * len(self.item_ids)
        start, stop = self.reach[offset + low], self.reach[offset + high]
        wanted = start + rng.random(len(low)) * (stop - start)
        # Rounding may move the draw to the edge of its range.
        return np.clip(np.searchsorted(self.reach, wanted, side="right") - 1 - offset, low, high - 1)


def build_world(parameters):
    """Return the `World` for these parameters; it does not depend on the number of users."""
    rng = generator(parameters, CATALOGUE)
    n_items, size = parameters.items, parameters.series_size
    # Up to 20% more or fewer than the configured size; as many sizes as items is always enough.
    sizes = rng.integers(max(1, round(0.8 * size)), round(1.2 * size) + 1, n_items)
    n_series = int(np.searchsorted(np.cumsum(sizes), n_items)) + 1
    series_bounds = np.minimum(np.concatenate([[0], np.cumsum(sizes[:n_series])]), n_items)
    series = np.repeat(np.arange(n_series), np.diff(series_bounds))
    topic_of_series = np.arange(n_series) * parameters.topics // n_series
    topic = topic_of_series[series]
    episode = np.arange(n_items) - series_bounds[series] + 1
    ranks = rng.permutation(n_items)
    popularity = (1 + ranks + FLAT_TOP * n_items) ** -parameters.zipf_exponent
    return World(
        item_ids=rng.permutation(n_items) + 1,
        topic=topic,
        series=series,
        episode=episode,
        partners=rng.integers(n_series, size=(n_series, PARTNERS)),
        reach=_reach(popularity, series, episode, rng),
        shown=np.arange(n_items) if parameters.content_signal else rng.permutation(n_items),
        series_bounds=series_bounds,
        topic_bounds=np.searchsorted(topic, np.arange(parameters.topics + 1)),
    )


def _reach(popularity, series, episode, rng):
    """Return the running sum of popularity over all ordinary and trend periods: items rise and fade."""
    # The episodes of a series are released one after the other until the end of the data.
    place = (episode - rng.random(len(episode))) / np.bincount(series)[series]
    release = place**GROWTH * DAYS
    age = np.arange(PERIODS)[:, None] * PERIOD_DAYS + PERIOD_DAYS / 2 - release
    since = np.maximum(age, 0)
    ordinary = np.where(age < 0, BEFORE, AFTERWARDS + (1 - AFTERWARDS) * np.exp(-since / FADE_DAYS))
    # Every item keeps a small weight, so that each range can be drawn from.
    trend = np.where(age < 0, 0, np.exp(-since / TREND_DAYS)) + 1e-6
    return np.concatenate([[0.0], np.cumsum(popularity * np.concatenate([ordinary, trend]))])


def simulate(world, parameters):
    """Yield the interactions, one chunk of users at a time.

    Parameters
    ----------
    world : World
    parameters : types.SimpleNamespace

    Yields
    ------
    chunk : int
    users : numpy.ndarray
        (n,) 1-based ids, ascending.
    shelves : numpy.ndarray
        (n,) the items' shelves, oldest first for each user.
    timestamps : numpy.ndarray
        (n,) milliseconds, not decreasing within a user.
    """
    for chunk, first in enumerate(range(0, parameters.users, CHUNK)):
        # Always draw a whole chunk, so that a user does not depend on the number of users.
        lengths = _lengths(parameters, generator(parameters, LENGTHS, chunk))
        times = _times(lengths, generator(parameters, TIMES, chunk))
        shelves = _choices(world, parameters, lengths, times, generator(parameters, CHOICES, chunk))
        kept = np.arange(shelves.shape[1]) < lengths[:, None]
        kept[parameters.users - first :] = False
        rows = np.nonzero(kept)[0]
        yield chunk, first + rows + 1, shelves[kept], times[kept]


def _lengths(parameters, rng):
    """Return (CHUNK,) history lengths: 3 plus a geometric number, except for a few short ones."""
    least = 3
    extra = rng.geometric(1 / (parameters.interactions_per_user - least + 1), CHUNK) - 1
    # A bound on the length also bounds the memory of a chunk.
    lengths = least + np.minimum(extra, round(20 * parameters.interactions_per_user))
    short = rng.random(CHUNK) < SHORT_SHARE
    lengths = np.where(short, rng.integers(1, least, CHUNK), lengths)
    return np.minimum(lengths, parameters.items)


def _times(lengths, rng):
    """Return (CHUNK, longest) timestamps in milliseconds; ignore values beyond a user's length."""
    end = (DAYS - np.minimum(rng.exponential(SINCE_LAST_DAYS, CHUNK), 0.9 * DAYS)) * DAY
    duration = np.minimum(rng.gamma(2, ACTIVE_DAYS / 2, CHUNK) * DAY, end)
    gaps = rng.standard_gamma(GAP_SHAPE, (CHUNK, lengths.max()))
    gaps[rng.random(gaps.shape) < TIE_SHARE] = 0
    gaps[:, 0] = 0
    elapsed = np.cumsum(gaps, axis=1)
    total = elapsed[np.arange(CHUNK), lengths - 1]
    share = elapsed / np.maximum(total, 1e-9)[:, None]
    return FIRST_MOMENT + (end[:, None] + (np.minimum(share, 1) - 1) * duration[:, None]).astype(np.int64)


def _choices(world, parameters, lengths, times, rng):
    """Return (CHUNK, longest) shelves; each step draws for all users whose history is longer."""
    periods = np.minimum((times - FIRST_MOMENT) // (PERIOD_DAYS * DAY), PERIODS - 1)
    last = periods[np.arange(CHUNK), lengths - 1]
    early, late = (_favourites(world, period, rng) for period in (periods[:, 0], last))
    shelves = np.full(times.shape, -1, dtype=np.int32)
    for step in range(times.shape[1]):
        users = np.nonzero(lengths > step)[0]
        # The late taste becomes more likely along the history.
        progress = step / np.maximum(lengths[users] - 1, 1)
        moved = rng.random(len(users)) < parameters.drift * progress
        taste = np.where(moved[:, None], late[users], early[users])
        low, high, period = _ranges(world, taste, periods[users, step], rng)
        if step:
            continued = np.nonzero(rng.random(len(users)) < parameters.continue_probability)[0]
            current = world.series[shelves[users[continued], step - 1]]
            low[continued], high[continued] = world.series_bounds[current], world.series_bounds[current + 1]
            period[continued] = periods[users[continued], step]
        shelves[users, step] = _draw_unseen(world, low, high, period, shelves[users, :step], rng)
        if step:
            again = np.nonzero(rng.random(len(users)) < REPEAT_SHARE)[0]
            shelves[users[again], step] = shelves[users[again], rng.integers(step, size=len(again))]
    return shelves


def _favourites(world, period, rng):
    """Return (CHUNK, FAVOURITES) series: one drawn by popularity in the period, and its partners."""
    n_items = len(world.item_ids)
    main = world.series[world.draw(np.zeros_like(period), np.full_like(period, n_items), period, rng)]
    others = rng.integers(PARTNERS, size=(len(main), FAVOURITES - 1))
    return np.column_stack([main, world.partners[main[:, None], others]])


def _ranges(world, taste, period, rng):
    """Return the range in which each user chooses, unless the previous series continues.

    Parameters
    ----------
    world : World
    taste : numpy.ndarray
        (n, FAVOURITES) favourite series; their topics are the user's topics.
    period : numpy.ndarray
        (n,) ordinary periods.
    rng : numpy.random.Generator

    Returns
    -------
    low, high : numpy.ndarray
        (n,) first shelf, and last shelf plus one.
    period : numpy.ndarray
        (n,) periods; trend periods for users who follow the trend.
    """
    series = taste[np.arange(len(taste)), rng.integers(FAVOURITES, size=len(taste))]
    topic = world.topic[world.series_bounds[series]]
    kind = rng.random(len(taste))
    favourite = kind < FAVOURITE_SHARE
    trend = kind >= FAVOURITE_SHARE + TOPIC_SHARE
    low = np.where(favourite, world.series_bounds[series], world.topic_bounds[topic])
    high = np.where(favourite, world.series_bounds[series + 1], world.topic_bounds[topic + 1])
    low[trend], high[trend] = 0, len(world.item_ids)
    return low, high, period + PERIODS * trend


def _draw_unseen(world, low, high, period, seen, rng):
    """Return one shelf per user that is not in `seen` (n, step), from [low, high) if possible."""
    chosen = world.draw(low, high, period, rng)
    for attempt in range(1, NARROW_DRAWS + WIDE_DRAWS):
        repeated = np.nonzero((seen == chosen[:, None]).any(axis=1))[0]
        if not len(repeated):
            return chosen
        below, above = low[repeated], high[repeated]
        if attempt >= NARROW_DRAWS:
            topic = world.topic[below]
            below = np.minimum(below, world.topic_bounds[topic])
            above = np.maximum(above, world.topic_bounds[topic + 1])
        chosen[repeated] = world.draw(below, above, period[repeated], rng)
    for row in np.nonzero((seen == chosen[:, None]).any(axis=1))[0]:
        unseen = np.setdiff1d(np.arange(len(world.item_ids)), seen[row])
        if len(unseen):
            chosen[row] = rng.choice(unseen)
    return chosen
