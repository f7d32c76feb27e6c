"""The arguments of the last run in a working folder, for `workflow/resume.py` to continue with."""

import os
from pathlib import Path

from reelrank.files import read_json, write_json

#: Where they are noted, below the working folder.
ARGUMENTS = ".snakemake/reelrank-arguments.json"


def remember(arguments, started_in, folder="."):
    """Note the arguments of a run that begins, and the folder that they are relative to.

    Parameters
    ----------
    arguments : sequence of str
        ``sys.argv``. Where another program than Snakemake's own runs Snakemake, nothing is noted.
    started_in : path
    folder : path
        The working folder; they may be moved together.
    """
    if Path(arguments[0]).name in ("snakemake", "__main__.py"):
        note = {"arguments": list(arguments[1:]), "started_in": os.path.relpath(started_in, folder)}
        write_json(Path(folder) / ARGUMENTS, note)


def remembered(folder="."):
    """Return the arguments of the last run in a working folder and where it was started; ``([], folder)`` if none."""
    path = Path(folder) / ARGUMENTS
    if not path.is_file():
        return [], Path(folder)
    note = read_json(path)
    return note["arguments"], Path(folder) / note["started_in"]
