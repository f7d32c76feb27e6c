"""A table of the report: cells with a text and what they are sorted by."""

from dataclasses import dataclass, field

from reelrank.report.values import MISSING, known


@dataclass(frozen=True)
class Cell:
    """One cell: its text, the number that it is sorted by (None: its text) and its CSS class."""

    text: str
    sort: float | None = None
    css: str = ""


@dataclass
class Grid:
    """A table: heads as (label, is a number), rows of cells, a class per row, a note below.

    ``folded`` tables are closed until a reader opens them; ``wide`` ones have many columns.
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
            raise ValueError(f"{self.title}: {len(cells)} cells for {len(self.heads)} heads")

    @property
    def has_missing(self):
        """Return whether any cell has no value."""
        return any(MISSING in cell.text for row in self.rows for cell in row)


def heads(texts, numbers=()):
    """Return heads of columns of texts and then of numbers."""
    return [(label, False) for label in texts] + [(label, True) for label in numbers]


def cell(value, show, *arguments, css=""):
    """Return a number's cell, printed by ``show(value, *arguments)``."""
    return Cell(show(value, *arguments), float(value) if known(value) else None, css)
