"""The errors that a user can mend."""

from difflib import get_close_matches


class InputError(ValueError):
    """Bad input: a file, a line of it, or a config key is not what it should be.

    The message names the file and the line (or the config key), what was found
    and what was expected. Steps show it as one line, without a traceback.
    """


def suggest(name, known):
    """Return a sentence that helps with an unknown `name`: the near ones, or all known ones."""
    known = sorted(map(str, known))
    near = get_close_matches(str(name), known, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(known) or 'none'}"
