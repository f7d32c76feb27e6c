"""The library's rooms import only downwards (docs/architecture.md), so that each can be read without those above it."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import reelrank

LIBRARY = Path(reelrank.__file__).parent

#: From the top to the ground. The modules beside the rooms lie below all of them.
ROOMS = (
    "running", "report", "audit", "evaluation", "rerank", "llm", "models", "training", "features", "data", "datasets",
    "metrics", "plan", "config",
)  # fmt: skip


def modules():
    """Return the files of the library by the name of their module."""
    files = {}
    for path in LIBRARY.rglob("*.py"):
        name = ".".join(("reelrank", *path.relative_to(LIBRARY).with_suffix("").parts))
        files[name.removesuffix(".__init__")] = path
    return files


def imports(path, known):
    """Return the modules of the library that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "reelrank":
            full = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in known else node.module for name in full}
    return found


def room(module):
    """Return the level of a module's room: 0 is the top, the modules beside the rooms come last."""
    parts = module.split(".")
    return ROOMS.index(parts[1]) if len(parts) > 1 and (LIBRARY / parts[1]).is_dir() else len(ROOMS)


def test_every_room_has_its_level():
    assert {path.name for path in LIBRARY.iterdir() if path.is_dir() and path.name[0] != "_"} == set(ROOMS)


def test_imports_go_down():
    known = modules()
    wrong = [
        f"{name} imports {other}"
        for name, path in known.items()
        for other in imports(path, known)
        if room(name) > room(other)
    ]
    assert wrong == []


def test_no_module_imports_itself_through_others():
    known = modules()
    graph = {name: imports(path, known) - {name} for name, path in known.items()}
    list(TopologicalSorter(graph).static_order())  # raises CycleError with the circle
