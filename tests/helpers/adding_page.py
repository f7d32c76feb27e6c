"""The examples of docs/adding.md: their lines are put into a copy of the repository, as a reader would do it."""

import re
import shlex
from pathlib import Path

import yaml
from snakemake_run import ROOT, copy_repository

PAGE = ROOT / "docs" / "adding.md"

#: A line that names a file, and the lines to write: a whole new file, or the end of one that exists.
EXAMPLE = re.compile(r"^(New file|Append to) `(\S+)`:\n\n```\w+\n(.*?)^```$", re.M | re.S)

#: The commands of a section.
COMMANDS = re.compile(r"^```bash\n(.*?)^```$", re.M | re.S)


def examples():
    """Return ``(how, path, lines)`` of every example, in the order of the page."""
    return EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))


def copy_with_examples(folder):
    """Copy the repository to `folder` and write all examples; return the folder.

    Raises
    ------
    ValueError
        If a new file exists already, or a file to append to does not.
    """
    copy_repository(folder)
    for how, name, lines in examples():
        path = Path(folder) / name
        if path.is_file() != (how == "Append to"):
            raise ValueError(f"docs/adding.md: {how} {name}: found {'a' if path.is_file() else 'no'} file there")
        with open(path, "a", encoding="utf-8") as file:
            file.write(lines)
    return Path(folder)


def commands():
    """Return the commands of the page as lists of arguments."""
    text = "\n".join(COMMANDS.findall(PAGE.read_text(encoding="utf-8"))).replace("\\\n", " ")
    return [shlex.split(line) for line in text.splitlines() if line.strip()]


def configs():
    """Return what the Snakemake commands of the page give to ``--config``, as mappings."""
    given = []
    for command in commands():
        if "--config" in command:
            pairs = [word.partition("=") for word in command[command.index("--config") + 1 :]]
            given.append({key: yaml.safe_load(value) for key, _, value in pairs})
    return given
