"""The errors that a user can fix."""

from difflib import get_close_matches


class InputError(ValueError):
    """Bad input: a file, a line of a file, or a config key is wrong.

    The message names the file and the line (or the config key), what was found
    and what was expected. Steps show it as one line, without a traceback.
    """


def suggest(name, known):
    """Return a hint for an unknown `name`: similar known names, or all known names."""
    known = sorted(map(str, known))
    near = get_close_matches(str(name), known, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known: {', '.join(known) or 'none'}"
