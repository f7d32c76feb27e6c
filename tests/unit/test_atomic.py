"""No step writes in place: every call that writes a file stands where its file has a temporary name."""

import ast
import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SCRIPTS = REPOSITORY / "workflow" / "scripts"

#: Names of functions, classes and methods that write a file, whatever library they are of.
WRITERS = {
    "write_text", "write_bytes", "touch", "mkdir", "save", "savez", "savez_compressed", "save_file", "save_pretrained",
    "savefig", "imsave", "savetxt", "tofile", "dump", "safe_dump", "to_parquet", "to_feather", "to_excel", "to_html",
    "to_pickle", "write_table", "write_feather", "write_csv", "write_dataset", "ParquetWriter", "copyfile", "copy2",
    "copytree", "extractall", "urlretrieve",
}  # fmt: skip

#: Those that write where they are a module's, since arrays, tables and lists have some of these names too.
MODULES_WRITERS = {("shutil", "move"), ("shutil", "copy")}

#: Methods that return a text where they are given no path.
TO_TEXT = {"to_csv", "to_json"}

#: Methods of the library's own objects, by the names that those have: they are looked at where they are defined.
OWN = {("checkpoint", "save"), ("model", "save")}

#: Functions that write without `reelrank.files`, and why that is safe. What they write is no output of a rule,
#: or reaches its final name by a rename of their own.
ALLOWED = {
    "reelrank/files.py": "makes the temporary names",
    "reelrank/step.py:start": "the log of the step",
    "reelrank/datasets/download.py": "a part file that the next try continues; renamed when checked",
    "reelrank/datasets/archives.py": "writes into the folder that `extract` has under a temporary name",
    "reelrank/datasets/sample_images.py:draw_scenes": "draws into folders that sample.py has under a temporary name",
    "reelrank/datasets/sample.py": "a stack of `atomic` names, under which tables and pictures are written",
    "reelrank/llm/ask/request_cache.py": "the cache of answers, renamed; and journals, which are appended to",
    "reelrank/features/vector_cache.py": "the cache of vectors, renamed",
    "reelrank/llm/local/pretraining.py:save_language_model": "a temporary folder; `atomic` copies its files",
    "reelrank/llm/local/finetuning.py:save_adapter": "a temporary folder; `atomic` copies its files",
}


def writes(tree):
    """Yield (line, function, text) of each call that writes and stands in no ``with atomic(...)`` or ``write_by``."""
    modules = _imported(tree)

    def visit(node, function, safe):
        if isinstance(node, ast.FunctionDef):
            function = node.name
        if isinstance(node, ast.With):
            safe = safe or any(_mentions(item.context_expr, "atomic") for item in node.items)
        if isinstance(node, ast.Call):
            if not safe and _writes(node, modules):
                yield node.lineno, function, ast.unparse(node)[:80]
            safe = safe or _name(node.func) == "write_by"
        for child in ast.iter_child_nodes(node):
            yield from visit(child, function, safe)

    yield from visit(tree, "", False)


def _imported(tree):
    """Return what the names of a module stand for: what it imports; what it defines is the library's."""
    found = {node.name: f"reelrank.{node.name}" for node in tree.body if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname: alias.name for alias in node.names if alias.asname}
    return found


def _mentions(expression, name):
    return any(isinstance(node, ast.Call) and _name(node.func) == name for node in ast.walk(expression))


def _name(function):
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _writes(call, modules):
    path = ast.unparse(call.func).split(".")
    path = [*modules.get(path[0], path[0]).split("."), *path[1:]]
    owner, name = path[-2] if len(path) > 1 else "", path[-1]
    if path[0] == "reelrank" or (owner, name) in OWN or path == ["ast", "dump"]:
        return False
    if name in ("open", "ZipFile"):
        return _opens_to_write(call)
    if name in TO_TEXT or (owner == "yaml" and name in WRITERS):  # yaml is given a value, and may be a stream
        named = {keyword.arg for keyword in call.keywords} & {"path_or_buf", "stream"}
        return bool(named) or len(call.args) > (owner == "yaml")
    return name in WRITERS or (owner, name) in MODULES_WRITERS


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
        "open(output, mode)", "table.to_json(output)", "table.to_json(path_or_buf=output)", "rows.dump(output)",
        "json.dump(rows, output)", "yaml.safe_dump(rows, output)", "yaml.dump(rows, stream=output)",
        "image.save(output)", "Image.fromarray(rows).save(output)", "pyarrow.parquet.write_table(rows, output)",
        "pyarrow.parquet.ParquetWriter(output, schema)", "ZipFile(output, 'w')", "gzip.open(output, 'wb')",
        "shutil.copy(rows, output)", "feather.write_feather(rows, output)",
    ],
)  # fmt: skip
def test_what_writes_in_place_is_found(line):
    assert len(list(writes(ast.parse(f"def main(output):\n    {line}")))) == 1
    within = f"def main(output):\n    with atomic(output) as temporary, other:\n        {line}"
    assert not list(writes(ast.parse(within)))


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("from pyarrow.parquet import write_table", "write_table(rows, output)"),
        ("from pyarrow.parquet import write_table as put", "put(rows, output)"),
        ("from pyarrow.parquet import ParquetWriter", "ParquetWriter(output, schema)"),
        ("import pyarrow.parquet as tables", "tables.write_table(rows, output)"),
        ("from numpy import save", "save(output, rows)"),
        ("from shutil import move", "move(rows, output)"),
        ("from yaml import safe_dump", "safe_dump(rows, output)"),
    ],
)
def test_what_writes_by_an_imported_name_is_found(line, call):
    assert len(list(writes(ast.parse(f"{line}\n\ndef main(output):\n    {call}")))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "open(path)", "open(path, 'rb')", "table.to_csv(index=False)", "path.open()", "table.to_json(orient='records')",
        "ast.dump(tree)", "yaml.safe_dump(rows, width=100)", "yaml.load(text, Loader)", "rows.copy()",
        "model.save(folder)",
        "from reelrank.data.tables import write_table\nwrite_table(rows, 'list', path)",
        "from reelrank import files\nfiles.write_text(path, text)", "ZipFile(path)", "text.replace('a', 'b')",
    ],
)  # fmt: skip
def test_what_reads_or_goes_through_the_library_is_no_writing(line):
    assert not list(writes(ast.parse(line)))


def test_what_is_allowed_is_there():
    for entry in ALLOWED:
        file, _, function = entry.partition(":")
        tree = ast.parse((SCRIPTS / file).read_text(encoding="utf-8"))
        assert any(not function or found == function for _, found, _ in writes(tree)), f"{entry} writes no longer"
