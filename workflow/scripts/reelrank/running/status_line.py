"""The last line of a terminal: a progress bar and the jobs at work. Other lines are printed above it."""

import os

#: Moves to the start of the line and erases it.
ERASE = "\r\033[K"


class StatusLine:
    """A line at the end of a terminal that is drawn again and again.

    Parameters
    ----------
    stream : file
        A terminal.
    """

    def __init__(self, stream):
        self.stream, self.shown = stream, ""

    @property
    def columns(self):
        """Return the width of the terminal; it may change while the run is at work."""
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def draw(self, text):
        """Show `text`, cut to the width; nothing is written where it is there already."""
        text = cut(text, self.columns - 1)  # a full line would wrap at some terminals
        if text != self.shown:
            self.shown = text
            self.stream.write(ERASE + text)
            self.stream.flush()

    def print(self, text, below=""):
        """Print `text` above the line, which then shows `below`."""
        self.shown = cut(below, self.columns - 1)
        self.stream.write(f"{ERASE}{text}\n{self.shown}")
        self.stream.flush()

    def erase(self):
        """Take the line away."""
        if self.shown:
            self.shown = ""
            self.stream.write(ERASE)
            self.stream.flush()


def bar(done, total, columns):
    """Return a bar and its numbers: ``[####------] 12/62``; the bar takes about an eighth of the columns."""
    width = max(5, min(20, columns // 8))
    full = width * done // total if total else 0
    return f"[{'#' * full}{'-' * (width - full)}] {done}/{total}"


def at_work(name, clock, state, width):
    """Return what is said of a job at work: its name, its time, and its state as far as the width has room.

    The last part of a state (``32%``) is worth more than the end of a name.
    """
    last = state.rpartition(", ")[2]
    for end in (f" {clock} {state}", f" {clock} {last}"):
        if len(name) + len(end.rstrip()) <= width:
            return name + end.rstrip()
    end = f" {clock} {last}".rstrip()
    return cut(name, max(8, width - len(end))) + end


def cut(text, width):
    """Return a text of at most `width` characters; three dots stand for its end."""
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."
