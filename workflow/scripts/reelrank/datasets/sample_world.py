"""The world behind the sample dataset: its catalogue, and what its users choose."""

from dataclasses import dataclass

import numpy as np

#: First moment of the data (2022-01-01 UTC, in milliseconds), its days and the days that share one popularity.
FIRST_MOMENT = 1_640_995_200_000
DAYS = 540
PERIOD_DAYS = 7
PERIODS = -(-DAYS // PERIOD_DAYS)
DAY = 86_400_000

#: Users simulated together. A chunk has generators of its own, so the constant is part of the data's identity.
CHUNK = 4096

#: One independent stream of random numbers per purpose.
CATALOGUE, TITLES, LENGTHS, TIMES, CHOICES, COMMENTS, LIKES, IMAGES = range(8)

#: Share of the catalogue that the flat top of the popularity curve spans (Zipf-Mandelbrot), so that no single
#: item dominates, as none does on a real platform that shows every user something else.
FLAT_TOP = 0.01

#: Exponent of an episode's release over time: below 1, the catalogue grows and many items are new at the end. What
#: users choose last then has few interactions to learn from, which is where content can help.
GROWTH = 0.25

#: An item's relative popularity before its release and long after it, and the days in which it falls by a factor e
#: among its series and topic. Among everything, where only the latest trend counts, it falls faster.
BEFORE, AFTERWARDS, FADE_DAYS = 0.01, 0.05, 30
TREND_DAYS = 10

#: Mean days from a user's last choice to the end of the data, and from the first choice to the last.
SINCE_LAST_DAYS, ACTIVE_DAYS = 20, 150

#: Shape of the gamma distribution of the time between two choices: below 1, choices come in bursts.
GAP_SHAPE = 0.5

#: Of the choices that do not continue a series: shares made among the favourite series and within a favourite topic;
#: the rest follows the trend.
FAVOURITE_SHARE, TOPIC_SHARE = 0.5, 0.25

#: Favourite series in one taste: a main one, and others that go with it though no title says so.
FAVOURITES, PARTNERS = 3, 4

SHORT_SHARE, TIE_SHARE, REPEAT_SHARE = 0.01, 0.02, 0.001

#: Draws within the wanted series or topic, then within the topic, before any unseen item will do.
NARROW_DRAWS, WIDE_DRAWS = 3, 8


def generator(parameters, purpose, chunk=0):
    """Return the random generator of one purpose and one chunk of users."""
    return np.random.default_rng(np.random.SeedSequence([parameters.seed, purpose, chunk]))


@dataclass(frozen=True)
class World:
    """The catalogue, in shelf order: sorted by topic, then series, so that each of them is one range of shelves.

    Attributes
    ----------
    item_ids : numpy.ndarray
        (n_items,) the public id, 1 to n_items, of the item on each shelf.
    topic, series, episode : numpy.ndarray
        (n_items,) of the item on each shelf; the first episode is 1.
    shown : numpy.ndarray
        (n_items,) the shelf whose title, category, comments and pictures the item shows: its own, or with
        `content_signal` off that of an unrelated item.
    series_bounds, topic_bounds : numpy.ndarray
        (n_series + 1,) and (topics + 1,) first shelf of each.
    partners : numpy.ndarray
        (n_series, PARTNERS) the series that the same users like.
    reach : numpy.ndarray
        (2 * PERIODS * n_items + 1,) running sum of popularity over shelves, period after period; the trend's periods
        follow the ordinary ones.
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
        """Draw one shelf of each range [low, high) by the popularity of the period.

        Parameters
        ----------
        low, high, period : numpy.ndarray
            (n,) integers; `PERIODS` is added to a period to follow its trend.
        rng : numpy.random.Generator

        Returns
        -------
        numpy.ndarray
            (n,) shelves.
        """
        offset = period * len(self.item_ids)
        start, stop = self.reach[offset + low], self.reach[offset + high]
        wanted = start + rng.random(len(low)) * (stop - start)
        # Rounding may put the sum on a range's edge.
        return np.clip(np.searchsorted(self.reach, wanted, side="right") - 1 - offset, low, high - 1)


def build_world(parameters):
    """Return the `World` of these parameters; the number of users does not change it."""
    rng = generator(parameters, CATALOGUE)
    n_items, size = parameters.items, parameters.series_size
    # A fifth more or less than the configured size, and enough of them for every item.
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
    """Return the running sum of popularity over all periods, ordinary and trend: items rise and fade."""
    # A series' episodes come out one after the other until the end of the data.
    place = (episode - rng.random(len(episode))) / np.bincount(series)[series]
    release = place**GROWTH * DAYS
    age = np.arange(PERIODS)[:, None] * PERIOD_DAYS + PERIOD_DAYS / 2 - release
    since = np.maximum(age, 0)
    ordinary = np.where(age < 0, BEFORE, AFTERWARDS + (1 - AFTERWARDS) * np.exp(-since / FADE_DAYS))
    # A little is left of everything: a range that cannot be drawn from would need a case of its own.
    trend = np.where(age < 0, 0, np.exp(-since / TREND_DAYS)) + 1e-6
    return np.concatenate([[0.0], np.cumsum(popularity * np.concatenate([ordinary, trend]))])


def simulate(world, parameters):
    """Yield the interactions, one chunk of users after the other.

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
        (n,) the items' shelves, a user's oldest first.
    timestamps : numpy.ndarray
        (n,) milliseconds, not decreasing within a user.
    """
    for chunk, first in enumerate(range(0, parameters.users, CHUNK)):
        # A whole chunk is always drawn, so that the last users are the same however many follow.
        lengths = _lengths(parameters, generator(parameters, LENGTHS, chunk))
        times = _times(lengths, generator(parameters, TIMES, chunk))
        shelves = _choices(world, parameters, lengths, times, generator(parameters, CHOICES, chunk))
        kept = np.arange(shelves.shape[1]) < lengths[:, None]
        kept[parameters.users - first :] = False
        rows = np.nonzero(kept)[0]
        yield chunk, first + rows + 1, shelves[kept], times[kept]


def _lengths(parameters, rng):
    """Return (CHUNK,) history lengths: 3 and a geometric rest, but for the few short ones."""
    least = 3
    extra = rng.geometric(1 / (parameters.interactions_per_user - least + 1), CHUNK) - 1
    # The longest history is bounded, and with it a chunk's memory.
    lengths = least + np.minimum(extra, round(20 * parameters.interactions_per_user))
    short = rng.random(CHUNK) < SHORT_SHARE
    lengths = np.where(short, rng.integers(1, least, CHUNK), lengths)
    return np.minimum(lengths, parameters.items)


def _times(lengths, rng):
    """Return (CHUNK, longest) timestamps in milliseconds; what is beyond a user's length means nothing."""
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
    """Return (CHUNK, longest) shelves, step after step for all users whose history goes on."""
    periods = np.minimum((times - FIRST_MOMENT) // (PERIOD_DAYS * DAY), PERIODS - 1)
    last = periods[np.arange(CHUNK), lengths - 1]
    early, late = (_favourites(world, period, rng) for period in (periods[:, 0], last))
    shelves = np.full(times.shape, -1, dtype=np.int32)
    for step in range(times.shape[1]):
        users = np.nonzero(lengths > step)[0]
        # How far the user is in the history decides which taste is likely to speak.
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
    """Return (CHUNK, FAVOURITES) series: one by the popularity of the period, and partners of it."""
    n_items = len(world.item_ids)
    main = world.series[world.draw(np.zeros_like(period), np.full_like(period, n_items), period, rng)]
    others = rng.integers(PARTNERS, size=(len(main), FAVOURITES - 1))
    return np.column_stack([main, world.partners[main[:, None], others]])


def _ranges(world, taste, period, rng):
    """Return where each user chooses if not in the series just seen.

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
        (n,) first shelf and one past the last.
    period : numpy.ndarray
        (n,) periods, of the trend for those who follow it.
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
    """Return one shelf per user that is not in `seen` (n, step), from [low, high) if that is not used up."""
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
