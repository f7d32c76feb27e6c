"""No step writes in place: every call that writes a file stands where its file has a temporary name."""

import ast
import re
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"

#: Names of functions and methods that write a file, whatever library they are of.
WRITERS = {
    "write_text", "write_bytes", "touch", "mkdir", "savez", "savez_compressed", "save_file", "save_pretrained",
    "savefig", "savetxt", "tofile", "to_parquet", "to_feather", "to_excel", "to_html", "to_pickle", "copyfile",
    "copy", "copy2", "copytree", "extractall", "urlretrieve",
}  # fmt: skip

#: Those that write where they are a module's: ``np.save``, ``torch.save``, ``pq.write_table``, ``shutil.move``.
MODULES_WRITERS = {
    ("np", "save"),
    ("torch", "save"),
    ("pq", "write_table"),
    ("pq", "ParquetWriter"),
    ("shutil", "move"),
}

#: Functions that write without `reelrank.files`, and why that is safe. What they write is no output of a rule,
#: or reaches its final name by a rename of their own.
ALLOWED = {
    "reelrank/files.py": "makes the temporary names",
    "reelrank/step.py:start": "the log of the step",
    "reelrank/download.py": "a part file that the next try continues; renamed when its size and digest are right",
    "reelrank/archives.py": "writes into the folder that `extract` has under a temporary name",
    "reelrank/datasets/sample.py": "a stack of `atomic` names, under which tables and pictures are written",
    "reelrank/llm/cache.py": "the cache of answers, renamed; and journals, which are appended to",
    "reelrank/vector_cache.py": "the cache of vectors, renamed",
    "reelrank/llm/pretraining.py:save_language_model": "a temporary folder, whose files are then copied by `atomic`",
    "reelrank/llm/finetuning.py:save_adapter": "a temporary folder, whose files are then copied by `atomic`",
}


def writes(tree):
    """Yield (line, function, text) of each call that writes and stands in no ``with atomic(...)`` or ``write_by``."""

    def visit(node, function, safe):
        if isinstance(node, ast.FunctionDef):
            function = node.name
        if isinstance(node, ast.With):
            safe = safe or any(_mentions(item.context_expr, "atomic") for item in node.items)
        if isinstance(node, ast.Call):
            if not safe and _writes(node):
                yield node.lineno, function, ast.unparse(node)[:80]
            safe = safe or _name(node.func) == "write_by"
        for child in ast.iter_child_nodes(node):
            yield from visit(child, function, safe)

    yield from visit(tree, "", False)


def _mentions(expression, name):
    return any(isinstance(node, ast.Call) and _name(node.func) == name for node in ast.walk(expression))


def _name(function):
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _writes(call):
    name = _name(call.func)
    module = getattr(getattr(call.func, "value", None), "id", "")
    if name == "open":
        return _opens_to_write(call)
    if isinstance(call.func, ast.Name):
        return name in WRITERS - {"write_text", "write_bytes"}  # bare, those are of reelrank.files
    if name == "to_csv":  # without a path it returns the text
        return bool(call.args) or any(keyword.arg == "path_or_buf" for keyword in call.keywords)
    if name == "copy":  # arrays and tables have one that writes nothing
        return module == "shutil"
    return name in WRITERS or (module, name) in MODULES_WRITERS


def _opens_to_write(call):
    """Tell whether ``open(path, mode)`` or ``path.open(mode)`` writes; a mode that is computed may."""
    modes = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    modes += [argument for argument in call.args if isinstance(argument, ast.Constant)]
    if isinstance(call.func, ast.Name):
        modes += call.args[1:2]
    values = [mode.value if isinstance(mode, ast.Constant) else "w" for mode in modes]
    return any(isinstance(value, str) and re.fullmatch("[rbtU]*[wax+][bt+]*", value) for value in values)


FILES = sorted(path.relative_to(SCRIPTS).as_posix() for path in SCRIPTS.rglob("*.py"))


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_written_in_place(name):
    tree = ast.parse((SCRIPTS / name).read_text(encoding="utf-8"))
    found = [
        f"{name}:{line} ({function}): {text}"
        for line, function, text in writes(tree)
        if name not in ALLOWED and f"{name}:{function}" not in ALLOWED
    ]
    assert not found, f"not by reelrank.files (atomic, write_by, write_text, write_json) or tables.write_table: {found}"


@pytest.mark.parametrize(
    "line",
    [
        "Path(output).write_text('half')", "open(output, 'w')", "open(output, mode='wb')", "output.open('a')",
        "np.save(output, rows)", "table.to_csv(output)", "pq.write_table(table, output)", "figure.savefig(output)",
        "open(output, mode)",
    ],
)  # fmt: skip
def test_what_writes_in_place_is_found(line):
    assert len(list(writes(ast.parse(f"def main(output):\n    {line}")))) == 1
    within = f"def main(output):\n    with atomic(output) as temporary, other:\n        {line}"
    assert not list(writes(ast.parse(within)))


@pytest.mark.parametrize("line", ["open(path)", "open(path, 'rb')", "table.to_csv(index=False)", "path.open()"])
def test_what_reads_is_no_writing(line):
    assert not list(writes(ast.parse(line)))


def test_what_is_allowed_is_there():
    for entry in ALLOWED:
        file, _, function = entry.partition(":")
        tree = ast.parse((SCRIPTS / file).read_text(encoding="utf-8"))
        assert any(not function or found == function for _, found, _ in writes(tree)), f"{entry} writes no longer"
