"""Digests of config, code and folders. A result is made again when one of its digests changes."""

import ast
import builtins
import hashlib
import json
from pathlib import Path


def digest(*values):
    """Return 12 hexadecimal digits that stand for JSON-like values."""
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def file_digest(path):
    """Return a digest of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def folder_digest(folder):
    """Return a digest of the files of a model's folder: their names and contents, not the folder's path."""
    digest = hashlib.sha256()
    for path in sorted(path for path in Path(folder).rglob("*") if path.is_file() and path.name[0] != "."):
        digest.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        with open(path, "rb") as file:  # whole: two fine-tuned models may differ only in the middle
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


class CodeDigests:
    """Digests of the code that decides a rule's results. Each file is read and parsed once.

    Parameters
    ----------
    scripts : str or Path
        The folder ``workflow/scripts``.
    """

    def __init__(self, scripts):
        self.scripts = Path(scripts)
        self._files, self._found = {}, {}

    def of(self, *files):
        """Return the digest of files and of every library file that they import, directly or not.

        Comments, docstrings, layout, and the texts of raised errors and log messages do not count.

        Parameters
        ----------
        files : str
            Paths below ``workflow/scripts``: a step, e.g. ``train.py``, and the files that it loads by name at
            run time, e.g. ``reelrank/models/nfm.py``.

        Raises
        ------
        FileNotFoundError
            If one of these is no file.
        """
        if files not in self._found:
            self._found[files] = self._of(files)
        return self._found[files]

    def _of(self, files):
        todo = [self.scripts / file for file in files]
        for path in todo:
            if not path.is_file():
                raise FileNotFoundError(
                    f"code digest: {path.relative_to(self.scripts).as_posix()} is no file; expected a step in "
                    "workflow/scripts or a module in workflow/scripts/reelrank"
                )
        found = {}
        while todo:
            path = todo.pop()
            if path not in found:
                found[path], imports = self._read(path)
                todo.extend(imports)
        return digest([(path.relative_to(self.scripts).as_posix(), code) for path, code in sorted(found.items())])

    def _read(self, path):
        """Return the digest of one file alone, and the library files that it imports."""
        if path not in self._files:
            tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
            imports = [module for module in dict.fromkeys(library_imports(tree, self.scripts)) if module.is_file()]
            self._files[path] = digest(normal_code(tree)), imports
        return self._files[path]


def library_imports(tree, scripts):
    """Yield the library files that a module or a statement may import, packages included.

    Parameters
    ----------
    tree : ast.AST
    scripts : Path
        The folder ``workflow/scripts``. Some yielded paths do not exist.

    Raises
    ------
    ValueError
        At a relative import.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            raise ValueError(
                f"line {node.lineno}: found a relative import; expected an absolute one, which code digests can follow"
            )
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


#: Calls of these methods on these names only write to the log.
LOGGERS, LOG_CALLS = ("logging", "logger"), ("debug", "info", "warning", "error", "critical", "exception")

#: Exceptions whose texts only people read: Python's own and `reelrank.errors.InputError`.
ERRORS = {
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, BaseException)
}
ERRORS |= {"InputError"}


def normal_code(tree):
    """Return the code of a module as text, without what cannot change a result.

    Left out are comments, docstrings, layout, and the texts of raised `ERRORS` and log messages.
    """
    tree = _WithoutTexts().visit(tree)
    return ast.dump(tree)


class _WithoutTexts(ast.NodeTransformer):
    """Removes docstrings and the texts that only people read."""

    def __init__(self):
        self.in_message = False

    def generic_visit(self, node):
        """Drop the docstring of a node with a body, then visit its children."""
        body = getattr(node, "body", None)
        first = body[0] if isinstance(body, list) and body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            node.body = body[1:] or [ast.Pass()]
        return super().generic_visit(node)

    def visit_Raise(self, node):
        """Blank the texts of an error that only people read."""
        called = node.exc.func if isinstance(node.exc, ast.Call) else None
        is_error = isinstance(called, ast.Name) and called.id in ERRORS
        return self._blank_texts(node) if is_error else self.generic_visit(node)

    def visit_Call(self, node):
        """Blank the texts of a log message."""
        method, owner = node.func, getattr(node.func, "value", None)
        is_log = isinstance(method, ast.Attribute) and isinstance(owner, ast.Name)
        is_log = is_log and owner.id in LOGGERS and method.attr in LOG_CALLS
        return self._blank_texts(node) if is_log else self.generic_visit(node)

    def _blank_texts(self, node):
        before, self.in_message = self.in_message, True
        node = self.generic_visit(node)
        self.in_message = before
        return node

    def visit_JoinedStr(self, node):
        """Blank an f-string."""
        return ast.Constant("") if self.in_message else self.generic_visit(node)

    def visit_Constant(self, node):
        """Blank a string."""
        return ast.Constant("") if self.in_message and isinstance(node.value, str) else node
