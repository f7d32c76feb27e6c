"""Cache of vectors from paid services, outside the rules' outputs: a failed job never pays for a vector twice."""

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

#: A temporary file that is older than this was left by a killed job.
STALE_S = 24 * 3600.0


def concurrency():
    """Return how many requests may run at a time. It is not a config key because it changes no result."""
    return int(os.environ.get("REELRANK_CONCURRENCY") or 4)


class VectorCache:
    """One file per text, named by a digest of the request and the text.

    Parameters
    ----------
    request : dict
        Everything besides the text that determines a vector: address, model, dimensions.
    """

    def __init__(self, request):
        self.request = json.dumps(request, sort_keys=True)
        self.folder = cache_folder() / "embeddings"
        self.folders = [self.folder, *(folder / "embeddings" for folder in shared_folders())]

    def path(self, text, folder=None):
        """Return the file of `text`, by default in the folder for writing."""
        digest = hashlib.sha256(f"{self.request}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()
        return (folder or self.folder) / digest[:2] / f"{digest}.npy"

    def read(self, text):
        """Return the vector of `text`, or None if its file is missing or damaged."""
        for folder in self.folders:
            try:
                return np.load(self.path(text, folder), allow_pickle=False)
            except (OSError, ValueError, EOFError):
                continue
        return None

    def check_writable(self):
        """Raise `InputError` if the cache cannot be written; called before any request is paid for."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()
        except OSError as error:
            raise cannot_write(self.folder, "vectors", error) from None
        self._remove_stale()

    def _remove_stale(self):
        """Remove old temporary files of killed jobs; another job may still be writing the younger ones."""
        for path in self.folder.rglob("*.tmp"):
            with contextlib.suppress(OSError):  # another job removed it, or another user owns it
                if time.time() - path.stat().st_mtime > STALE_S:
                    path.unlink()

    def write(self, text, vector):
        """Write the vector of `text`, readable as the umask allows: several users may share a folder.

        Jobs may write the same vector at the same time, each to its own temporary file. `reelrank.files.atomic`
        would take the temporary file of another job for one that a killed job left.
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
    """Return a vector per text; vectors that are not in the cache are fetched in batches, several at a time.

    Every batch is written to the cache as soon as it arrives.

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
        """Fetch the vectors of a batch of texts and write them to the cache."""
        vectors = np.asarray(fetch(batch), np.float32)
        if vectors.ndim != 2 or not vectors.shape[1] or not np.isfinite(vectors).all():
            raise InputError(
                f"a service answered with vectors of shape {vectors.shape}, or with NaN; expected {len(batch)} "
                "vectors of numbers; this answer is not cached"
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
        pool.shutdown(cancel_futures=True)  # after an error no further request is sent
    vectors = np.array([known[text] for text in texts], np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
