"""Compare the results of two checkouts: every list, rank, table, feature matrix and weight must be the same.

    python tests/compare_checkouts.py BEFORE AFTER                          # two finished results
    python tests/compare_checkouts.py BEFORE AFTER --run                    # run the default config in both first
    python tests/compare_checkouts.py BEFORE AFTER --run --configfile config/ml-100k.yaml
    python tests/compare_checkouts.py BEFORE AFTER --renamed renamed.yaml   # up to the new names in this file

BEFORE and AFTER are checkouts, whose results lie in `results/`, or folders of results. The exit status is 0 when
nothing differs, 1 when something differs, 2 when there is nothing to compare or a run failed.

A file of renames holds, each of them optional:

    files:                       # a regular expression of a path before: its path now, both below results/
      '^(.+)/part\\.parquet$': '\\1/split.parquet'
    gone: ['*/tables/old.csv']   # patterns of files that only BEFORE has, after `files` is applied
    new: ['*/tables/new.csv']    # patterns of files that only AFTER has
    columns:                     # a pattern of paths now: column before: column now
      '*/tables/answers.csv': {part: split}
    values:                      # a pattern of paths now: column now: value before: value now
      '*/tables/*.csv': {kind: {control: twin}}
"""

import argparse
import csv
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from safetensors.numpy import load_file

#: Folders below the results that hold nothing to compare: logs, seconds, and the raw files of a dataset.
LEFT_OUT = frozenset({"logs", "benchmarks", "raw"})

#: Columns that hold what a clock says; no two runs agree on them.
MEASURED = frozenset({"latency_s"})


@dataclass(frozen=True)
class Renamed:
    """The names that changed between the two checkouts; the page above describes each part.

    Attributes
    ----------
    files : dict of str to str
    gone, new : list of str
    columns, values : dict of str to dict
    """

    files: dict = field(default_factory=dict)
    gone: list = field(default_factory=list)
    new: list = field(default_factory=list)
    columns: dict = field(default_factory=dict)
    values: dict = field(default_factory=dict)

    def path(self, name):
        """Return the path that a file of BEFORE has now."""
        for pattern, replacement in self.files.items():
            name = re.sub(pattern, replacement, name)
        return name

    def of_columns(self, name):
        """Return column before -> column now, for the file `name`."""
        return _merged(self.columns, name)

    def of_values(self, name):
        """Return column now -> value before -> value now, for the file `name`."""
        return _merged(self.values, name)


def _merged(by_pattern, name):
    found = {}
    for pattern, names in by_pattern.items():
        if fnmatchcase(name, pattern):
            found |= names
    return found


def read_renamed(path):
    """Return the `Renamed` of a YAML file; an unknown part of it is an error."""
    return Renamed(**(yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}))


def read_table(path):
    """Return the columns of a Parquet file by name, its metadata left out."""
    table = pq.read_table(path)
    return {name: table.column(name) for name in table.column_names}


def read_csv(path):
    """Return the columns of a CSV file by name, each value as the text that stands there."""
    with open(path, newline="", encoding="utf-8") as stream:
        head, *rows = csv.reader(stream)
    if len(set(head)) != len(head):
        raise ValueError(f"{path}: two columns have the same name: {head}")
    return {name: pa.chunked_array([pa.array([row[n] for row in rows], pa.string())]) for n, name in enumerate(head)}


def read_matrix(path):
    """Return the matrix of a feature file as one column."""
    return {"": np.load(path)}


#: How to read each kind of file that is compared. JSON and pages describe a run and are not compared.
READERS = {".parquet": read_table, ".csv": read_csv, ".npy": read_matrix, ".safetensors": load_file}


def results_of(folder):
    """Return the results folder of a checkout, or `folder` itself where it is none."""
    folder = Path(folder)
    return folder / "results" if (folder / "Snakefile").is_file() else folder


def compared_files(results):
    """Return the paths below `results` that are compared, as strings with slashes."""
    paths = (path.relative_to(results) for path in Path(results).rglob("*") if path.is_file())
    return sorted(
        path.as_posix()
        for path in paths
        if path.suffix in READERS and not LEFT_OUT & set(path.parts[:2]) and not path.name.startswith(".")
    )


def renamed_values(column, mapping):
    """Return a text column with its values renamed; its type, a dictionary too, becomes that of plain text."""
    return pa.chunked_array([pa.array([mapping.get(value, value) for value in column.to_pylist()], pa.string())])


def same(before, after):
    """Tell whether two columns have the same type and values; NaN equals NaN."""
    if isinstance(before, np.ndarray):
        nan = before.dtype.kind == "f"
        return before.dtype == after.dtype and np.array_equal(before, after, equal_nan=nan)
    if before.equals(after):
        return True
    if before.type != after.type or len(before) != len(after) or not pa.types.is_floating(before.type):
        return False
    if not before.is_null().equals(after.is_null()):
        return False
    return np.array_equal(before.to_numpy(), after.to_numpy(), equal_nan=True)


def difference(before, after):
    """Return in words how two columns differ."""
    if isinstance(before, np.ndarray):
        if (before.dtype, before.shape) != (after.dtype, after.shape):
            return f"was {before.dtype} {before.shape}, is {after.dtype} {after.shape}"
        places = np.argwhere((before != after) & ((before == before) | (after == after)))  # NaN is not equal to itself
        place = tuple(int(index) for index in places[0])
        return f"{len(places)} of {before.size} values differ, first at {place}: was {before[place]}, is {after[place]}"
    if before.type != after.type:
        return f"was of type {before.type}, is of type {after.type}"
    if len(before) != len(after):
        return f"had {len(before)} rows, has {len(after)}"
    pairs = list(zip(before.to_pylist(), after.to_pylist(), strict=True))
    rows = [row for row, (old, new) in enumerate(pairs) if old != new and not (old != old and new != new)]
    if not rows:
        return "differs in the dictionary of its type only"
    old, new = pairs[rows[0]]
    return f"{len(rows)} of {len(pairs)} rows differ, first row {rows[0]}: was {old!r}, is {new!r}"


def compare_file(before, after, name, renamed):
    """Return in words each difference between a file of BEFORE and the file `name` of AFTER."""
    read, columns, values = READERS[Path(name).suffix], renamed.of_columns(name), renamed.of_values(name)
    old = {columns.get(column, column): content for column, content in read(before).items()}
    new = read(after)
    if list(old) != list(new):
        return [f"{name}: had the columns {list(old)}, has {list(new)}"]
    found = []
    for column in old:
        if column in MEASURED:
            continue
        one, other = old[column], new[column]
        if column in values:
            one, other = renamed_values(one, values[column]), renamed_values(other, {})
        if not same(one, other):
            found.append(f"{name}: {column or 'the matrix'}: {difference(one, other)}")
    return found


def compare(before, after, renamed=None):
    """Compare two folders of results.

    Parameters
    ----------
    before, after : str or Path
        Checkouts or folders of results.
    renamed : Renamed, optional

    Returns
    -------
    differences : list of str
        Empty where nothing differs.
    counts : collections.Counter
        How many files of each suffix both have.
    """
    renamed = renamed or Renamed()
    before, after = results_of(before), results_of(after)
    old, new = {renamed.path(name): name for name in compared_files(before)}, set(compared_files(after))
    found = [
        f"{name}: only {side} has it"
        for side, names, allowed in (
            ("BEFORE", set(old) - new, renamed.gone),
            ("AFTER", new - set(old), renamed.new),
        )
        for name in sorted(names)
        if not any(fnmatchcase(name, pattern) for pattern in allowed)
    ]
    both = sorted(set(old) & new)
    for name in both:
        found += compare_file(before / old[name], after / name, name, renamed)
    return found, Counter(Path(name).suffix for name in both)


def run(checkout, configfiles, cores):
    """Run the workflow in a checkout with this Python; end the comparison with status 2 where the run fails."""
    files = ["--configfile", *configfiles] if configfiles else []
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores), *files]
    if subprocess.run(command, cwd=checkout, check=False).returncode:
        print(f"{checkout}: the run failed", file=sys.stderr)
        sys.exit(2)


def main(arguments=None):
    """Compare as the command line says; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path, help="a checkout or a folder of results")
    parser.add_argument("after", type=Path, help="the same, of the change")
    parser.add_argument("--run", action="store_true", help="run the workflow in both checkouts first")
    parser.add_argument("--configfile", nargs="+", default=[], help="config of the runs, relative to each checkout")
    parser.add_argument("--cores", type=int, default=2, help="cores of the runs (2)")
    parser.add_argument("--renamed", type=Path, help="a YAML file with the names that changed")
    options = parser.parse_args(arguments)
    if options.configfile and not options.run:
        parser.error("--configfile is of no use without --run")
    if options.run:
        for checkout in (options.before, options.after):
            run(checkout, options.configfile, options.cores)
    found, counts = compare(options.before, options.after, read_renamed(options.renamed) if options.renamed else None)
    for line in found:
        print(line)
    if not counts:
        print("nothing to compare: no file has the same name in both")
        return 2
    kinds = ", ".join(f"{number} {suffix}" for suffix, number in sorted(counts.items()))
    print(f"{len(found)} differences; compared {sum(counts.values())} files: {kinds}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
