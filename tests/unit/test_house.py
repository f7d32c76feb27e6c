"""The limits that CONTRIBUTING.md sets: how long files are, and that what others call has a docstring."""

import ast
import itertools
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

#: Lines that a file of a kind has at most; where two patterns match, the smaller number counts.
LIMITS = {
    "Snakefile": 80,
    "rules/*.smk": 170,
    "workflow/scripts/*.py": 80,
    "workflow/**/*.py": 299,
    "tests/**/*.py": 299,
    "config/**/*.yaml": 299,
    "profiles/**/*.yaml": 299,
}


def too_long(root):
    """Return what is said of each file under `root` that has more lines than its kind may have."""
    found = []
    for pattern, limit in LIMITS.items():
        for path in sorted(root.glob(pattern)):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > limit:
                found.append(f"{path.relative_to(root).as_posix()} has {lines} lines, expected at most {limit}")
    return found


def undocumented(tree, where):
    """Return the public functions, classes and methods of a syntax tree that have no docstring, the file included."""
    found = [] if ast.get_docstring(tree) else [where]
    for node in tree.body if isinstance(tree, ast.Module | ast.ClassDef) else []:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            found += undocumented(node, f"{where}: {node.name}")
    return found


def test_no_file_is_longer_than_its_kind_may_be():
    assert too_long(REPOSITORY) == []


def test_a_limit_is_of_files_that_there_are():
    assert [pattern for pattern in LIMITS if not any(REPOSITORY.glob(pattern))] == []


@pytest.mark.parametrize(
    ("name", "limit"), [("workflow/scripts/a.py", 80), ("workflow/scripts/reelrank/a.py", 299), ("rules/a.smk", 170)]
)
def test_a_file_that_is_too_long_is_found(name, limit, tmp_path):
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text("x\n" * limit, encoding="utf-8")
    assert too_long(tmp_path) == []
    path.write_text("x\n" * (limit + 1), encoding="utf-8")
    assert too_long(tmp_path) == [f"{name} has {limit + 1} lines, expected at most {limit}"]


def test_what_is_public_has_a_docstring():
    files = sorted((REPOSITORY / "workflow").rglob("*.py"))
    trees = [(ast.parse(path.read_text(encoding="utf-8")), path.relative_to(REPOSITORY).as_posix()) for path in files]
    assert list(itertools.chain.from_iterable(undocumented(*tree) for tree in trees)) == []


def test_what_has_no_docstring_is_found():
    text = '"""A."""\ndef a():\n    def b(): 0\nclass B:\n    """Is."""\n    def c(self): 0\n    def _d(self): 0\n'
    assert undocumented(ast.parse(text), "x") == ["x: a", "x: B: c"]
    assert undocumented(ast.parse("X = 1"), "x") == ["x"]
