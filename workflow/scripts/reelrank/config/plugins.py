"""Checks that each type in the schemas has a file in the library, and the reverse.

It imports no plug-in: that takes seconds, and Snakemake itself runs this.
"""

from pathlib import Path

from reelrank.config.kinds import KINDS, READS
from reelrank.config.schema import FOLDER, load_schema
from reelrank.errors import suggest

#: The library.
LIBRARY = Path(__file__).parents[1]

#: The folders of each section's plug-ins. Every file in them is a plug-in.
ROOMS = {
    "models": ("models",),
    "encoders": ("features/encoders",),
    "rerankers": ("rerank", "rerank/fusion"),
}

#: Rules that make lists without a file of their own (``made_by`` of a type of re-ranker).
WITHOUT_FILE = ("recommend", "ask")

#: Allowed values of ``made_by``.
MAKERS = ("recommend", "rerank", "ask", "fuse")


def check_plugins(problems, library=LIBRARY, load=load_schema):
    """Check that files of plug-ins and schema entries match.

    Parameters
    ----------
    problems : reelrank.config.schema.Problems
        Receives each file without an entry, each entry without a file (see `has_file`), and each name that two files
        have.
    library : Path
        The folder ``reelrank``.
    load : callable
        Takes the name of a section and returns its schema.
    """
    for section, rooms in ROOMS.items():
        with problems.noting():
            _check_section(section, load(section), rooms, library, problems)
            _check_entries(section, load(section), library, problems)


def _check_section(section, entries, rooms, library, problems):
    schema, files = f"{FOLDER.parent.name}/{FOLDER.name}/{section}.schema.yaml", {}
    for room in rooms:
        for path in sorted((library / room).glob("[a-z]*.py")):
            file = path.relative_to(library.parent).as_posix()
            if path.stem in files:
                problems.add(f"{file}: the name {path.stem!r} is taken by {files[path.stem]}; expected another")
            files.setdefault(path.stem, file)
    for kind, file in files.items():
        if kind not in entries:
            problems.add(
                f"{file}: found no entry {kind!r} in {schema}; expected one with its keys ({suggest(kind, entries)})"
            )
        elif not has_file(entries[kind]):
            problems.add(f"{file}: the name {kind!r} is already a type without a file in {schema}; expected another")
    for kind, entry in entries.items():
        if kind not in files and has_file(entry):
            where = " or ".join(f"{library.name}/{room}/{kind}.py" for room in rooms)
            problems.add(
                f"{schema}: the type {kind!r} has no file; expected {where}, or `file: false` if it needs none"
            )


def _check_entries(section, entries, library, problems):
    """Check what the entries say for planning: ``reads``, and of re-rankers ``kind``, ``made_by`` and ``needs``."""
    schema = f"{FOLDER.parent.name}/{FOLDER.name}/{section}.schema.yaml"
    needs = sorted(path.stem for path in (library / "rerank" / "material").glob("[a-z]*.py"))
    lists, words = {"reads": READS}, {}
    if section == "rerankers":
        lists["needs"], words = needs, {"kind": KINDS, "made_by": MAKERS}
    for kind, entry in entries.items():
        for key, allowed in lists.items():
            found = entry.get(key)
            if not isinstance(found, list) or not set(found) <= set(allowed):
                expected = f"a list of some of {', '.join(allowed)}"
                problems.add(f"{schema}: {kind}.{key}: found {found!r}; expected {expected}")
        for key, allowed in words.items():
            if entry.get(key) not in allowed:
                problems.add(f"{schema}: {kind}.{key}: found {entry.get(key)!r}; expected one of {', '.join(allowed)}")


def has_file(entry):
    """Return whether the type of a schema entry has a file in the library."""
    return entry.get("file") is not False and entry.get("made_by") not in WITHOUT_FILE
