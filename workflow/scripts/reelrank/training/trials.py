"""The trials of a search over settings: run in order, each kept in a file, judged by a value on valid.

It needs no torch: fusions are searched in an environment without it.
"""

import json
import logging
import re
import time
from pathlib import Path

from reelrank.errors import InputError
from reelrank.files import read_json, remove, write_json
from reelrank.progress import Progress
from reelrank.training.sampling import drawn

#: Name of the file of a finished trial.
FILE = re.compile(r"trial-\d+\.json")

#: States of a trial. The settings of a repeated one were tried before; its value is copied.
COMPLETE, REPEATED, FAILED = "complete", "repeated", "failed"

#: What the sampler is told about a failed trial: a value below every other.
WORST = 0.0


class Trials:
    """The finished trials of one model or fusion, a file each in a folder.

    A trial is used again if everything that decides its value is the same: its own settings, and `digest`. The
    files of any other digest are removed.

    Parameters
    ----------
    folder : str or Path
    digest : str
        Stands for everything but the searched settings: data, other settings, seed, code.

    Raises
    ------
    InputError
        If a file is damaged.
    """

    def __init__(self, folder, digest):
        self.folder, self.digest, self.rows = Path(folder), digest, []
        for path in sorted(self.folder.glob("*.json")):
            if FILE.fullmatch(path.name):
                self._read(path)

    def _read(self, path):
        try:
            row = read_json(path)
            found = row.pop("digest")
            row = {key: row[key] for key in ("trial", "state", "options", "valid_ndcg", "reason")}
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path}: found no finished trial ({error!r}); remove the file") from None
        if found == self.digest:
            self.rows.append(row)
        else:
            logging.info("removed %s: it belongs to another config, other data or other code", path)
            remove(path)

    def known(self, options):
        """Return the finished trial with these settings, or None."""
        return next((row for row in self.rows if row["options"] == options), None)

    def add(self, row):
        """Keep a finished trial."""
        write_json(self.folder / f"trial-{row['trial']:03d}.json", {**row, "digest": self.digest})
        self.rows.append(row)


def search(value_of, shipped, ranges, trials, seed, kept, failures):
    """Return all trials: number 0 has the shipped settings, the others are drawn.

    The shipped settings do not influence the drawing. So the number of a drawn trial stands for the same settings
    after they are shipped.

    Parameters
    ----------
    value_of : callable
        Takes settings and returns their value on valid; larger is better.
    shipped : dict
        The settings of the config.
    ranges : dict
        See `reelrank.training.sampling.drawn`.
    trials : int
        Number of drawn trials.
    seed : int
    kept : Trials
    failures : tuple of type
        Exceptions of `value_of` that fail one trial. Any other stops the search.

    Returns
    -------
    list of dict
        ``trial``, ``state``, ``options``, ``valid_ndcg`` (None if it failed) and ``reason``, in order.

    Raises
    ------
    InputError
        If every trial failed; names the reason of the first.
    """
    rows = []
    with Progress("", trials + 1, "trials") as progress:
        for number in range(trials + 1):
            progress.what = f"trial {number}/{trials}"
            before = [(row["options"], WORST if row["valid_ndcg"] is None else row["valid_ndcg"]) for row in rows[1:]]
            options = drawn(ranges, seed, before) if number else shipped
            rows.append(_trial(number, options, rows, kept, value_of, failures))
            progress.advance()
    if all(row["state"] == FAILED for row in rows):
        raise InputError(f"found no trial that ended; the shipped settings failed with: {rows[0]['reason']}")
    return rows


def _trial(number, options, rows, kept, value_of, failures):
    """Return one trial: copied, read from its file, or computed and kept."""
    if same := next((row for row in rows if row["options"] == options), None):
        return {**same, "trial": number, "state": FAILED if same["state"] == FAILED else REPEATED}
    if finished := kept.known(options):
        return {**finished, "trial": number}
    row = {"trial": number, "state": COMPLETE, "options": options, "valid_ndcg": None, "reason": None}
    started = time.monotonic()
    try:
        row["valid_ndcg"] = round(float(value_of(options)), 8)
    except failures as error:
        row.update(state=FAILED, reason=" ".join(str(error).split()) or type(error).__name__)
    found = row["reason"] or f"valid NDCG@10 {row['valid_ndcg']:.5f}"
    logging.info("trial %d: %s: %s, %.1f s", number, json.dumps(options), found, time.monotonic() - started)
    kept.add(row)
    return row
