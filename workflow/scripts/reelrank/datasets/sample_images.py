"""Covers and frames of the sample dataset: the background shows the topic, the shape shows the series."""

import colorsys
import math

import numpy as np
from PIL import Image, ImageChops, ImageDraw

#: Number of shapes. Shape and colour distinguish the series of a topic.
SHAPES = 6
SHAPE_COLOURS = 7
#: Number of noise tiles. Pictures share shifted tiles, since noise per picture would cost more than all else.
TILES = 8
NOISE = 18
QUALITY = 80


def draw_scenes(world, parameters, rng, folder_covers, folder_frames):
    """Write the cover ``{item}.jpg`` and the frames ``{item}-{1..}.jpg`` of every item.

    Parameters
    ----------
    world : reelrank.datasets.sample_world.World
    parameters : types.SimpleNamespace
    rng : numpy.random.Generator
    folder_covers, folder_frames : Path or None
        Existing folders; None leaves that kind out.
    """
    size = parameters.image_size
    backgrounds = [_background(topic, parameters.topics, size) for topic in range(parameters.topics)]
    tiles = [_noise(rng, size) for _ in range(TILES)]
    n_items, n_pictures = parameters.items, parameters.frames_per_item + 1
    # Draw all random numbers first, so that covers do not depend on whether frames are drawn.
    places = rng.uniform(0.3, 0.7, (n_items, 2))
    moves = rng.uniform(-0.06, 0.06, (n_items, 2))
    light = rng.uniform(0.85, 1.15, n_items)
    shifts = rng.integers(0, size, (n_items, n_pictures, 2)).tolist()
    picks = rng.integers(0, TILES, (n_items, n_pictures)).tolist()
    for shelf in range(n_items):
        shown, item = int(world.shown[shelf]), int(world.item_ids[shelf])
        background = backgrounds[world.topic[shown]].point(_brightness(light[shelf]))
        for number in range(n_pictures):
            folder = folder_frames if number else folder_covers
            if folder is None:
                continue
            picture = background.copy()
            _draw_shape(picture, int(world.series[shown]), places[shelf] + number * moves[shelf])
            noise = ImageChops.offset(tiles[picks[shelf][number]], *shifts[shelf][number])
            picture = ImageChops.add(picture, noise, offset=-128)
            picture.save(folder / (f"{item}-{number}.jpg" if number else f"{item}.jpg"), quality=QUALITY)


def _background(topic, topics, size):
    """Return a gradient between two colours of the topic's hue; its direction depends on the topic."""
    hue = topic / topics
    # Neighbours on the colour circle also differ in lightness and direction.
    value = (0.95, 0.55, 0.75)[topic % 3]
    saturation = (0.85, 0.6)[topic % 2]
    colours = [
        255 * np.array(colorsys.hsv_to_rgb(at % 1, saturation, shade))
        for at, shade in ((hue, value), (hue + 0.06, 0.7 * value))
    ]
    angle = 2.4 * topic
    rows, columns = np.mgrid[-1 : 1 : complex(size), -1 : 1 : complex(size)]
    slope = (rows * math.sin(angle) + columns * math.cos(angle)) / (2 * math.sqrt(2)) + 0.5
    picture = colours[0] + slope[:, :, None] * (colours[1] - colours[0])
    return Image.fromarray(picture.round().astype(np.uint8))


def _noise(rng, size):
    """Return an RGB noise tile with mean 128, which is added to pictures."""
    tile = rng.normal(128, NOISE, (size, size, 3))
    return Image.fromarray(np.clip(tile, 0, 255).round().astype(np.uint8))


def _brightness(factor):
    """Return the lookup table, one per RGB band, that multiplies a picture's values by `factor`."""
    return [min(255, round(value * factor)) for value in range(256)] * 3


def _draw_shape(picture, series, place):
    """Draw the shape of `series` around `place`, its centre as fractions of width and height."""
    draw = ImageDraw.Draw(picture)
    size = picture.width
    x, y = (float(share) * size for share in place)
    radius = size * (0.14, 0.2, 0.26)[series % 3]
    hue = (series * 3 % SHAPE_COLOURS) / SHAPE_COLOURS
    fill = tuple(round(255 * share) for share in colorsys.hsv_to_rgb(hue, 0.5, 1.0))
    box = (x - radius, y - radius, x + radius, y + radius)
    shape = series % SHAPES
    if shape == 0:
        draw.ellipse(box, fill=fill)
    elif shape == 1:
        draw.rectangle(box, fill=fill)
    elif shape == 2:
        draw.ellipse(box, outline=fill, width=max(1, size // 12))
    elif shape == 3:
        draw.rectangle((x - radius, y - radius / 3, x + radius, y + radius / 3), fill=fill)
        draw.rectangle((x - radius / 3, y - radius, x + radius / 3, y + radius), fill=fill)
    else:
        corners = 3 if shape == 4 else 5
        turns = [2 * math.pi * corner / corners - math.pi / 2 for corner in range(corners)]
        draw.polygon([(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns], fill=fill)
