"""Vectors that a service was paid for, kept outside the rules' outputs so that a failed job pays for nothing twice."""

import contextlib
import hashlib
import json
import os
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from reelrank.cache import cache_folder, cannot_write, shared_folders
from reelrank.errors import InputError
from reelrank.progress import Progress

#: A half-written file that nobody has touched for so long is a killed job's.
STALE_S = 24 * 3600.0


def concurrency():
    """Return how many requests may run at a time; no setting of the config, since it changes no result."""
    return int(os.environ.get("REELRANK_CONCURRENCY") or 4)


class VectorCache:
    """One file per text, named by a digest of the request and the text.

    Parameters
    ----------
    request : dict
        What decides a vector beside the text: address, model, dimensions.
    """

    def __init__(self, request):
        self.request = json.dumps(request, sort_keys=True)
        self.folder = cache_folder() / "embeddings"
        self.folders = [self.folder, *(folder / "embeddings" for folder in shared_folders())]

    def path(self, text, folder=None):
        """Return the file of `text`, by default in the folder that is written to."""
        digest = hashlib.sha256(f"{self.request}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()
        return (folder or self.folder) / digest[:2] / f"{digest}.npy"

    def read(self, text):
        """Return the vector of `text`, or None if there is none (or it is damaged)."""
        for folder in self.folders:
            try:
                return np.load(self.path(text, folder), allow_pickle=False)
            except (OSError, ValueError, EOFError):
                continue
        return None

    def check_writable(self):
        """Raise `InputError` unless vectors can be kept: nothing is paid for that could not be."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError as error:
            raise cannot_write(self.folder, "vectors", error) from None
        self._remove_stale()

    def _remove_stale(self):
        """Remove what killed jobs left half written; what is younger may be another job's, which still writes it."""
        for path in self.folder.rglob("*.tmp"):
            with contextlib.suppress(OSError):  # another job removes the same, or it is another user's
                if time.time() - path.stat().st_mtime > STALE_S:
                    path.unlink()

    def write(self, text, vector):
        """Keep the vector of `text`, readable for whom the umask lets read: a folder may be of several users.

        Jobs may write the same one at a time, each under a name of its own: not by
        `reelrank.files.atomic`, which takes another's name for one that a killed job left.
        """
        path = self.path(text)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.parent / f".{path.name}.{uuid.uuid4().hex}.tmp"
        try:
            with open(temporary, "wb") as stream:
                np.save(stream, np.asarray(vector, np.float32))
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def encode_through_cache(texts, cache, fetch, batch_size):
    """Return a vector per text; those that are not in the cache are fetched, in batches, several at a time.

    Every batch is kept as soon as it arrives.

    Parameters
    ----------
    texts : sequence of str
    cache : VectorCache
    fetch : callable
        ``fetch(list of str) -> (n, dimension)``.
    batch_size : int

    Returns
    -------
    numpy.ndarray
        ``(n, dimension)`` float32, unit rows.
    """
    known = {text: cache.read(text) for text in texts}
    todo = [text for text, vector in known.items() if vector is None]
    if todo:
        cache.check_writable()

    def ask(batch):
        """Fetch the vectors of a batch of texts and keep them."""
        vectors = np.asarray(fetch(batch), np.float32)
        if vectors.ndim != 2 or not vectors.shape[1] or not np.isfinite(vectors).all():
            raise InputError(
                f"a service answered with vectors of shape {vectors.shape}, or with NaN; expected {len(batch)} "
                "vectors of numbers; nothing of it is kept"
            )
        for text, vector in zip(batch, vectors, strict=True):
            cache.write(text, vector)
        return vectors

    batches = [todo[start : start + batch_size] for start in range(0, len(todo), batch_size)]
    pool = ThreadPoolExecutor(concurrency())
    try:
        with Progress("encoding", len(todo), "texts") as progress:
            for batch, vectors in zip(batches, pool.map(ask, batches), strict=True):
                known.update(zip(batch, vectors, strict=True))
                progress.advance(len(batch))
    finally:
        pool.shutdown(cancel_futures=True)  # after an error nothing more is asked, nor paid
    vectors = np.array([known[text] for text in texts], np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
