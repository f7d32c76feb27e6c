"""Tables for papers: LaTeX with booktabs, and Markdown."""

import re

from reelrank.report.values import plain

SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "−": r"$-$",
    "–": "--",
    "[": "{[}",  # after a line end, LaTeX would read a bracket as an option
    "]": "{]}",
}


def escape(text):
    """Return `text` so that LaTeX prints it as it is; line breaks become spaces."""
    return "".join(SPECIAL.get(letter, letter) for letter in re.sub(r"\s+", " ", str(text)))


def to_latex(grid, caption, label):
    """Return a `reelrank.report.grid.Grid` as a table float; needs ``\\usepackage{booktabs}``."""
    columns = "".join("r" if is_number else "l" for _, is_number in grid.heads)
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table}",
        f"\\caption{{{escape(caption)}}}",
        f"\\label{{{label}}}",
        f"\\begin{{tabular}}{{{columns}}}",
        "\\toprule",
        " & ".join(escape(head) for head, _ in grid.heads) + " \\\\",
        "\\midrule",
        *(" & ".join(escape(cell.text) for cell in row) + " \\\\" for row in grid.rows),
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


def to_markdown(grid):
    """Return a grid as a Markdown table, with its title above and its note below."""
    rule = "|".join("---:" if is_number else "---" for _, is_number in grid.heads)
    lines = [f"# {plain(grid.title)}", "", _line(head for head, _ in grid.heads), f"|{rule}|"]
    lines += [_line(cell.text for cell in row) for row in grid.rows]
    return "\n".join([*lines, *(["", grid.note] if grid.note else [])]) + "\n"


def _line(texts):
    return "| " + " | ".join(plain(text) for text in texts) + " |"
