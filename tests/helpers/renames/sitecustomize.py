"""Loaded by each Python of a run whose PYTHONPATH holds this folder: notes every file that is named by a rename."""

import os
import sys

NOTES = os.environ.get("REELRANK_TEST_RENAMES")


def note(event, arguments):
    """Append the new name, absolute, of what is renamed; lines are short enough to be whole."""
    if event == "os.rename":
        name = os.path.abspath(os.fsdecode(arguments[1]))  # noqa: PTH100 - it is called while modules load
        with open(NOTES, "a") as stream:
            stream.write(f"{name}\n")


if NOTES:
    sys.addaudithook(note)
