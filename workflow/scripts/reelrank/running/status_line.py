"""The last line of a terminal: a progress bar and the running jobs. Other lines are printed above it."""

import os

#: Escape codes that move to the start of the line and erase it.
ERASE = "\r\033[K"


class StatusLine:
    """A line at the bottom of a terminal that is redrawn in place.

    Parameters
    ----------
    stream : file
        A terminal.
    """

    def __init__(self, stream):
        self.stream, self.shown = stream, ""

    @property
    def columns(self):
        """Return the width of the terminal, which may change during the run."""
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def draw(self, text):
        """Show `text`, cut to the width; write nothing if it has not changed."""
        text = cut(text, self.columns - 1)  # a full line would wrap on some terminals
        if text != self.shown:
            self.shown = text
            self.stream.write(ERASE + text)
            self.stream.flush()

    def print(self, text, below=""):
        """Print `text` above the line, and show `below` in the line."""
        self.shown = cut(below, self.columns - 1)
        self.stream.write(f"{ERASE}{text}\n{self.shown}")
        self.stream.flush()

    def erase(self):
        """Remove the line."""
        if self.shown:
            self.shown = ""
            self.stream.write(ERASE)
            self.stream.flush()


def bar(done, total, columns):
    """Return a bar with its numbers: ``[####------] 12/62``; the bar is about an eighth of the columns wide."""
    width = max(5, min(20, columns // 8))
    full = width * done // total if total else 0
    return f"[{'#' * full}{'-' * (width - full)}] {done}/{total}"


def at_work(name, clock, state, width):
    """Return the text for a running job: its name, its time, and as much of its state as fits the width.

    If space is short, the last part of the state (``32%``) has priority over the end of the name.
    """
    last = state.rpartition(", ")[2]
    for end in (f" {clock} {state}", f" {clock} {last}"):
        if len(name) + len(end.rstrip()) <= width:
            return name + end.rstrip()
    end = f" {clock} {last}".rstrip()
    return cut(name, max(8, width - len(end))) + end


def cut(text, width):
    """Return `text` cut to `width` characters; three dots replace its end."""
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."
