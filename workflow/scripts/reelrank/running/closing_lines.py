"""The last output of a finished run: the verdict of each report, read from its ``verdict`` file."""

import shutil
import sys
import textwrap

from reelrank.files import read_json

#: Maximum number of columns, also on wider terminals.
WIDEST = 100


def show(jobs, stream=None):
    """Print the verdict of each finished report among the jobs of a run.

    Parameters
    ----------
    jobs : iterable of snakemake.jobs.Job
        All jobs of the targets, including those that were up to date.
    stream : file, optional
        Standard output by default, since the verdict is the result of the run, not a message.
    """
    stream = stream or sys.stdout
    columns = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    for job in sorted((job for job in jobs if job.rule.name == "report"), key=lambda job: job.output.html):
        text = "\n".join(lines(read_json(job.output.verdict), columns, job.output.html))
        encoding = getattr(stream, "encoding", None) or "utf-8"
        print(f"\n{text.encode(encoding, 'replace').decode(encoding)}", file=stream, flush=True)


def lines(verdict, columns, report):
    """Return a verdict as lines of text.

    Parameters
    ----------
    verdict : dict
        Result of `reelrank.report.verdict.verdict`.
    columns : int
        Maximum width of a line; only the path of the report may be longer.
    report : str
        Path of the report.

    Returns
    -------
    list of str
    """
    output = [*textwrap.wrap(verdict["title"], columns), ""]
    for text in (verdict["sentence"], *verdict["notes"]):
        output += textwrap.wrap(text, columns)
    output += ["", *table(verdict["columns"], verdict["rows"], columns), ""]
    return [*output, *textwrap.wrap(verdict["cost"], columns), f"Report: {report}"]


def table(heads, rows, columns):
    """Return rows as lines of aligned cells; columns at the right that do not fit are left out.

    The first two columns are names, left-aligned and cut if too long; numbers are right-aligned.
    """
    names = max(8, (columns - 24) // 3)
    rows = [[*(_short(name, names) for name in row[:2]), *row[2:]] for row in rows]
    widths = [max(len(row[place]) for row in [heads, *rows]) for place in range(len(heads))]
    shown = len(heads)
    while shown > 3 and sum(widths[:shown]) + 2 * (shown - 1) > columns:
        shown -= 1

    def line(row):
        """Return one line."""
        cells = [cell.ljust(width) if place < 2 else cell.rjust(width)
                 for place, (cell, width) in enumerate(zip(row[:shown], widths, strict=False))]  # fmt: skip
        return "  ".join(cells).rstrip()

    return [line(heads), *map(line, rows)]


def _short(name, width):
    return name if len(name) <= width else f"{name[: width - 2]}.."
