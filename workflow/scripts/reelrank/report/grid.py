"""A table of the report: cells with a text and a sort key."""

from dataclasses import dataclass, field

from reelrank.report.values import MISSING, known


@dataclass(frozen=True)
class Cell:
    """One cell: its text, the number that sorts it (None: its text does) and its CSS class."""

    text: str
    sort: float | None = None
    css: str = ""


@dataclass
class Grid:
    """A table: heads as (label, is_number), rows of cells, a CSS class per row, a note below.

    A ``folded`` table is closed until a reader opens it.
    """

    title: str
    heads: list
    rows: list = field(default_factory=list)
    classes: list = field(default_factory=list)
    note: str = ""
    folded: bool = False
    name: str = ""

    def add(self, *cells, css=""):
        """Append a row; plain values become cells."""
        self.rows.append([cell if isinstance(cell, Cell) else Cell(str(cell)) for cell in cells])
        self.classes.append(css)
        if len(cells) != len(self.heads):
            raise ValueError(f"table {self.title!r}: found {len(cells)} cells; expected {len(self.heads)}")

    @property
    def has_missing(self):
        """Return whether any cell has no value."""
        return any(MISSING in cell.text for row in self.rows for cell in row)


def heads(texts, numbers=()):
    """Return column heads: text columns first, then number columns."""
    return [(label, False) for label in texts] + [(label, True) for label in numbers]


def cell(value, show, *arguments, css=""):
    """Return the cell of a number, printed by ``show(value, *arguments)``."""
    return Cell(show(value, *arguments), float(value) if known(value) else None, css)
