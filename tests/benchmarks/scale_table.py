"""Read and write the measured laws of scale, and write the table of ``docs/scale.md``.

    python tests/benchmarks/scale_table.py

reads ``docs/scale_measured.csv`` and rewrites what stands between the two markers of the page.
"""

import csv
from pathlib import Path

from scale_fit import AXES, TARGETS

DOCS = Path(__file__).parents[2] / "docs"
LAWS, PAGE = DOCS / "scale_measured.csv", DOCS / "scale.md"

#: Columns of the file; numbers have two significant digits, exponents and factors two decimals.
COLUMNS = (
    *("quantity", "job", "runs", "least", "most", "law", "start"),
    *(name for axis in AXES for name in (axis, f"{axis} error")),
    *("fit", "largest error"),
    *(name for target in TARGETS for name in (target, f"{target} factor")),
)
TEXTS = ("quantity", "job", "law")
TWO_DIGITS = ("least", "most", "start", *TARGETS)

#: Jobs in the table of the page: what a reader sees, and the job in the file.
JOBS = {
    "encode titles (all-MiniLM-L6-v2)": "features/all-MiniLM-L6-v2/title.1-of-1",
    "train `nfm`, one epoch, 64 dimensions": "models/nfm/train",
    "base lists of `nfm`": "lists/nfm/recommend",
    "re-rank `random`, depth 20": "lists/pop/random",
    "re-rank by similarity, depth 20": "lists/pop/all-MiniLM-L6-v2",
    "three fusions and their twins": "lists/nfm/fuse",
    "ranks of ten lists": "lists/pop/evaluate",
    "effects": "tables/effects",
    "beyond accuracy": "tables/describe_lists",
    "audit": "audit/audit",
}
SHOWN = ("MicroLens-1M", "full release")
START, END = "<!-- begin: scale_table.py -->", "<!-- end: scale_table.py -->"


def write(laws, path=LAWS):
    """Write the rows of `scale_fit.describe` as CSV."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: _text(key, value) for key, value in law.items()} for law in laws)


def read(path=LAWS):
    """Return the rows of a file of `write` as dicts, without the empty cells."""
    with open(path, newline="", encoding="utf-8") as file:
        return [
            {key: text if key in TEXTS else float(text) for key, text in row.items() if text}
            for row in csv.DictReader(file)
        ]


def _text(key, value):
    if key in TEXTS:
        return value
    if key == "runs":
        return f"{value:.0f}"
    return f"{float(f'{value:.2g}'):.10g}" if key in TWO_DIGITS else f"{value:.2f}"


def seconds(value):
    """Return a time in the largest unit that leaves a number of at least one."""
    for unit, length in (("days", 86_400), ("h", 3600), ("min", 60)):
        if value >= length:
            return f"{float(f'{value / length:.2g}'):g} {unit}"
    return f"{float(f'{value:.2g}'):g} s"


def mebibytes(value):
    """Return an amount of memory in MiB, GiB or TiB."""
    for unit, size in (("TiB", 2**20), ("GiB", 2**10)):
        if value >= size:
            return f"{float(f'{value / size:.2g}'):g} {unit}"
    return f"{float(f'{value:.2g}'):g} MiB"


def table(laws):
    """Return the table of the page as Markdown: time and memory of some jobs, with the factor of one standard error."""
    found = {(law["quantity"], law["job"]): law for law in laws}
    quantities = {"time": ("seconds", seconds), "memory": ("MiB of memory", mebibytes)}
    heads = ["job", *(f"{target}: {name}" for target in SHOWN for name in quantities)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for name, job in JOBS.items():
        cells = [
            _cell(found.get((quantity, job), {}), target, shown)
            for target in SHOWN
            for quantity, shown in quantities.values()
        ]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def _cell(law, target, shown):
    if law.get("law") == "flat":
        return f"at least {shown(law['most'])}"
    return f"{shown(law[target])} (x/÷ {law[f'{target} factor']:.1f})" if target in law else "not predicted"


def main():
    """Rewrite the table of the page."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(START)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{START}\n{table(read())}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
