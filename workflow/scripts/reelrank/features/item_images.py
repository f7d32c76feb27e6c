"""Encode the pictures of items: threads decode files while the model runs; the pictures of an item are pooled."""

from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from reelrank.features.image_loading import load_image, own_pixel_limit
from reelrank.progress import Progress

#: Pictures per forward pass, and batches that are decoded ahead.
BATCH_SIZE = 64
AHEAD = 2


def embed_images(encoder, paths, pooling="mean", workers=2):
    """Encode the pictures of each item into one vector.

    Parameters
    ----------
    encoder : object
        Has ``preprocessing`` and ``encode_images(uint8 (n, height, width, 3)) -> (n, dimension)``, unit rows.
    paths : sequence of sequence of path
        Files of each item; an item may have none.
    pooling : {'mean', 'max', 'first'}
        How the unit vectors of an item's pictures are combined; ``first`` takes the first decodable file.
    workers : int
        Number of decoding threads; changes no result.

    Returns
    -------
    vectors : numpy.ndarray
        ``(n_items, dimension)`` float32, unit rows; zero for an item without a picture.
    present : numpy.ndarray
        ``(n_items,)`` bool.
    counts : dict of str to int
        ``images``: pictures encoded; ``items_without_file``; ``unreadable`` and ``too_large``: files not decoded.
    """
    if pooling == "first":
        jobs = [(item, files) for item, files in enumerate(paths) if files]
    else:
        jobs = [(item, [file]) for item, files in enumerate(paths) for file in files]
    faults, pooled, seen = Counter(), None, np.zeros(len(paths), np.int64)
    with Progress("encoding", len(jobs), "pictures") as progress:
        for owners, pixels in _batches(jobs, encoder.preprocessing, workers, faults):
            encoded = encoder.encode_images(pixels)
            if pooled is None:
                pooled = np.full((len(paths), encoded.shape[1]), -np.inf if pooling == "max" else 0, np.float32)
            (np.maximum if pooling == "max" else np.add).at(pooled, owners, encoded)
            np.add.at(seen, owners, 1)
            progress.advance(len(owners))
    if pooled is None:
        size = encoder.preprocessing
        blank = np.zeros((1, size.height, size.width, 3), np.uint8)
        pooled = np.zeros((len(paths), encoder.encode_images(blank).shape[1]), np.float32)
    present = seen > 0
    pooled[~present] = 0
    norms = np.linalg.norm(pooled, axis=1, keepdims=True)
    counts = {"images": int(seen.sum()), "items_without_file": sum(not files for files in paths)}
    counts |= {fault: faults[fault] for fault in ("unreadable", "too_large")}
    return pooled / np.where(norms > 0, norms, 1), present, counts


def _batches(jobs, preprocessing, workers, faults):
    """Yield batches of items and pixels, in order; count files that cannot be decoded in `faults`."""
    with own_pixel_limit(), ThreadPoolExecutor(workers) as pool:
        waiting = deque()
        for start in [*range(0, len(jobs), BATCH_SIZE), *[None] * AHEAD]:
            if start is not None:
                batch = jobs[start : start + BATCH_SIZE]
                waiting.append((batch, [pool.submit(_first, files, preprocessing) for _, files in batch]))
            if waiting and (start is None or len(waiting) > AHEAD):
                batch, futures = waiting.popleft()
                done = [future.result() for future in futures]
                for _, batch_faults in done:
                    faults.update(batch_faults)
                good = [
                    (item, pixels) for (item, _), (pixels, _) in zip(batch, done, strict=True) if pixels is not None
                ]
                if good:
                    yield np.array([item for item, _ in good]), np.stack([pixels for _, pixels in good])


def _first(files, preprocessing):
    """Return the pixels of the first decodable file (or None), and the faults of the files before it."""
    faults = []
    for file in files:
        pixels, fault = load_image(file, preprocessing)
        if pixels is not None:
            return pixels, faults
        faults.append(fault)
    return None, faults
