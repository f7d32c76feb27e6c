"""The saved arguments of the last run in a working folder, from which `workflow/resume.py` continues."""

import argparse
import json
import os
import socket
from pathlib import Path

from reelrank.errors import InputError
from reelrank.files import read_json, write_json

#: The file with the arguments, relative to the working folder.
ARGUMENTS = ".snakemake/reelrank-arguments.json"


def host():
    """Return the name of this machine."""
    return socket.gethostname()


def remember(arguments, snakefile, folder="."):
    """Save the arguments of a starting run, the folder that they are relative to, and the machine.

    Parameters
    ----------
    arguments : sequence of str
        ``sys.argv``. If another program runs Snakemake, nothing is saved.
    snakefile : path
        Absolute path of the Snakefile. It shows where the run was started: Snakemake has already changed its folder.
    folder : path
        The working folder; it may be moved together with the folder in which the run was started.
    """
    if Path(arguments[0]).name in ("snakemake", "__main__.py"):
        started_in = os.path.relpath(_started_in(arguments[1:], snakefile, Path(folder)), folder)
        write_json(
            Path(folder) / ARGUMENTS, {"arguments": list(arguments[1:]), "started_in": started_in, "host": host()}
        )


def _started_in(arguments, snakefile, folder):
    """Return the shell's folder if ``--directory`` was given and the Snakefile is there, else `folder`."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("-d", "--directory")
    parser.add_argument("-s", "--snakefile", default="Snakefile")
    try:
        given = parser.parse_known_args(arguments)[0]
    except argparse.ArgumentError:
        return folder
    shell = Path(os.environ.get("PWD") or folder)
    leads_here = given.directory and (shell / given.directory).resolve() == folder.resolve()
    return shell if leads_here and (shell / given.snakefile).resolve() == Path(snakefile).resolve() else folder


def remembered(folder="."):
    """Return the arguments of the last run in a working folder, its start folder, and its machine.

    Returns
    -------
    arguments : list of str
        Empty if no run was saved.
        started_in : Path
    machine : str
        Empty if no run was saved.

    Raises
    ------
    InputError
        If the file cannot be read.
    """
    path = Path(folder) / ARGUMENTS
    if not path.is_file():
        return [], Path(folder), ""
    try:
        note = read_json(path)
        return note["arguments"], Path(folder) / note["started_in"], note.get("host", "")
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot read the arguments of the last run ({error!r}); remove the file") from None
