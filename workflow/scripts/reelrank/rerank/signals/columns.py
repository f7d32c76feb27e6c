"""The columns of a fusion: features of each candidate, computed once for a base list and shared by all rungs."""

import tempfile
from dataclasses import replace

import numpy as np

from reelrank.data.lists import BASE
from reelrank.rerank.signals.context import Context, context_names

#: Users whose columns are computed at a time; limits memory to about 100 MB.
USERS_PER_CHUNK = 512


class ColumnStore:
    """The columns of the candidates of one base list, for any choice of signals, similarities and words.

    Columns that do not come from signals are computed for all users when first asked for, and kept in temporary
    files, so that memory does not grow with the number of users.

    Parameters
    ----------
    sources : reelrank.rerank.signals.context.Sources
        With everything that any fusion over the base list reads.
    """

    def __init__(self, sources):
        self.sources, self.kept = sources, {}
        self.folder = tempfile.TemporaryDirectory(prefix="columns-")

    def close(self):
        """Remove the temporary files."""
        self.kept.clear()
        self.folder.cleanup()

    def names(self, stage):
        """Return the names of the columns of a stage, in the order of `values`."""
        signals = [f"{name}:{what}" for name in (BASE, *stage["signals"]) for what in ("score", "rank")]
        return signals + [name for group in self._groups(stage) for name in context_names(group)]

    def values(self, split, aligned, rows, stage):
        """Return the columns of a stage for the candidates of some users.

        Parameters
        ----------
        split : {'valid', 'test'}
        aligned : reelrank.rerank.signals.aligned.Aligned
        rows : numpy.ndarray
            ``(k,)`` rows of the lists.
        stage : dict
            See `reelrank.rerank.fusion.fuse`.

        Returns
        -------
        numpy.ndarray
            ``(k, depth, n_columns)`` float32; NaN if unknown, or if a candidate is beyond a signal's depth.
        """
        columns = []
        for name in (BASE, *stage["signals"]):
            ranks = aligned.ranks[name][rows].astype(np.float32)
            columns += [np.where(ranks > 0, aligned.scores[name][rows], np.nan), np.where(ranks > 0, ranks, np.nan)]
        found = [np.stack(columns, axis=-1)]
        found += [self._of_group(split, aligned, group)[rows] for group in self._groups(stage)]
        return np.concatenate(found, axis=-1, dtype=np.float32)

    def _groups(self, stage):
        """Return sources that each have one group of the stage's columns: the plain ones, one similarity, one field."""
        bare = replace(self.sources, vectors={}, words={}, plain=False)
        groups = [replace(bare, plain=True)]
        for feature in stage.get("similarities", ()):
            key = feature["encoder"], feature["field"]
            groups.append(replace(bare, vectors={key: self.sources.vectors[key]}))
        groups += [replace(bare, words={field: self.sources.words[field]}) for field in stage.get("words", ())]
        return [group for group in groups if context_names(group)]

    def _of_group(self, split, aligned, group):
        """Return the columns of one group for all users, ``(n, depth, c)``, from a temporary file."""
        lists = aligned.lists
        key = (split, len(lists.users), lists.users.tobytes(), lists.items.shape[1], *context_names(group))
        if key not in self.kept:
            path = f"{self.folder.name}/{len(self.kept)}.npy"
            shape = (*lists.items.shape, len(context_names(group)))
            made = np.lib.format.open_memmap(path, "w+", np.float32, shape) if 0 not in shape else np.empty(shape)
            context = Context(group, split, lists)
            for start in range(0, shape[0], USERS_PER_CHUNK):
                rows = np.arange(start, min(start + USERS_PER_CHUNK, shape[0]))
                made[rows] = context.features(rows)
            self.kept[key] = made
        return self.kept[key]
