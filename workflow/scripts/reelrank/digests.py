"""Digests of config, of code and of folders: what is compared to know that a result would change."""

import ast
import hashlib
import json
from pathlib import Path


def digest(*values):
    """Return 12 hexadecimal digits that stand for JSON-like values."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def folder_digest(folder):
    """Return a digest of the files of a model's folder, by their content and not their place."""
    digest = hashlib.sha256()
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file() and path.name[0] != "."):
        digest.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        with open(path, "rb") as file:  # whole: two fine-tunings may differ in nothing but the middle
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def code_digest(scripts, script, *modules):
    """Return a digest of the code that decides a rule's results.

    It covers the step, every file of the library that it imports, directly or not,
    and `modules` that are imported by name at run time. Comments, docstrings and
    layout do not count.

    Parameters
    ----------
    scripts : str or Path
        The folder ``workflow/scripts``.
    script : str
        The step, e.g. ``train.py``.
    modules : str
        Further files of the library, e.g. ``models/nfm.py``.

    Raises
    ------
    FileNotFoundError
        If one of these is no file: its changes would rerun nothing.
    """
    scripts = Path(scripts)
    todo = [scripts / script, *(scripts / "reelrank" / module for module in modules)]
    for path in todo:
        if not path.is_file():
            raise FileNotFoundError(
                f"code_digest: {path.relative_to(scripts).as_posix()} is no file; expected a step of "
                "workflow/scripts, or a module of workflow/scripts/reelrank"
            )
    trees = {}
    while todo:
        path = todo.pop()
        if path in trees or not path.is_file():
            continue
        trees[path] = ast.parse(path.read_text(encoding="utf-8"))
        todo.extend(library_imports(trees[path], scripts))
    return digest([(path.relative_to(scripts).as_posix(), _normal(tree)) for path, tree in sorted(trees.items())])


def library_imports(tree, scripts):
    """Yield the library files that a module, or a part of one, may import, packages included.

    Parameters
    ----------
    tree : ast.AST
        The module or the statement.
    scripts : Path
        The folder ``workflow/scripts``. Not every path that is yielded exists.

    Raises
    ------
    ValueError
        At a relative import.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            raise ValueError(f"a relative import in line {node.lineno}: code_digest follows absolute ones only")
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "reelrank":
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names if alias.name.split(".")[0] == "reelrank"]
        else:
            continue
        for name in names:
            parts = name.split(".")
            for end in range(1, len(parts) + 1):
                base = scripts.joinpath(*parts[:end])
                yield base / "__init__.py"
                yield base.with_suffix(".py")


def _normal(tree):
    """Return the code of a module without docstrings, comments and layout."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            node.body = body[1:] or [ast.Pass()]
    return ast.dump(tree)
