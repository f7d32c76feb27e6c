"""The rules of the workflow as their text says them, those under a condition that the config does not meet included."""

import ast
import re
from dataclasses import dataclass

#: ``rule a:``, ``checkpoint a:``, ``use rule a as b with:`` and ``use rule a as b``.
HEADER = re.compile(r"^(?P<indent> *)(?:(?:rule|checkpoint)\b *(?P<name>\w*) *:|use +rule +(?P<use>.+))", re.MULTILINE)
USED = re.compile(r"(?P<base>\w+) +as +(?P<name>\w+)(?: +with *:)? *(?:#.*)?")


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes
    ----------
    name, file : str
        A rule that uses another has its own name: profiles, targets and messages call it so.
    sections : dict of str to str
        ``input``, ``params``, ... to what stands there, with those of the rule that it uses.
    """

    name: str
    file: str
    sections: dict

    def path(self, section, folder, ending):
        """Return the name of the file in `folder` that a section names, or None."""
        found = re.fullmatch(rf'\s*"\.\./{folder}/(\w+{ending})"(?:\s*#.*)*\s*', self.sections.get(section, ""))
        return found and found[1]


def rule_files(root):
    """Return the paths of the Snakefile and of the rule files."""
    return [root / "Snakefile", *sorted((root / "rules").glob("*.smk"))]


def read_rules(root):
    """Return every `Rule` of the workflow at `root`.

    Raises
    ------
    ValueError
        At a rule without a name, at rules of a module, and where the rule that another uses is unknown.
    """
    found = {}
    for path in rule_files(root):
        text = path.read_text(encoding="utf-8")
        for header in HEADER.finditer(text):
            name, inherited = header["name"], {}
            if header["use"]:
                used = USED.fullmatch(header["use"])
                if not used or used["base"] not in found:
                    raise ValueError(f"{path.name}: cannot tell which rule this is: use rule {header['use']}")
                name, inherited = used["name"], found[used["base"]].sections
            if not name:
                raise ValueError(f"{path.name}: a rule has no name")
            own = _sections(text[header.end() :], len(header["indent"]))
            found[name] = Rule(name, path.name, {**inherited, **own})
    return list(found.values())


def _sections(text, indent):
    """Return the sections of a rule by name: what is indented deeper than its header, up to code that is not."""
    lines = text.splitlines()[1:]
    inside = [not line.strip() or line.lstrip()[0] == "#" or line.startswith(" " * (indent + 1)) for line in lines]
    body = "\n".join(lines[: inside.index(False)] if False in inside else lines)
    first = re.search(r"^( +)\S", body, re.MULTILINE)
    parts = re.split(rf"^{first[1]}(\w+):", body, flags=re.MULTILINE) if first else [""]
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def functions(root):
    """Return the functions of the rule files by name, as syntax trees."""
    found = {}
    for path in rule_files(root):
        for text in re.findall(r"^def .+\n(?:(?:[ )].*)?\n)*", path.read_text(encoding="utf-8") + "\n", re.MULTILINE):
            (tree,) = ast.parse(text).body
            found[tree.name] = tree
    return found


def digested_steps(rule, helpers):
    """Return the steps that the param ``code`` of a rule is a digest of.

    Parameters
    ----------
    rule : Rule
    helpers : dict
        From `functions`: what the param calls is followed.

    Returns
    -------
    set of str
        Empty if there is no such param.
    """
    params = ast.parse(f"params({rule.sections.get('params', '')}\n)", mode="eval").body
    todo = [keyword.value for keyword in params.keywords if keyword.arg == "code"]
    steps, followed = set(), set()
    while todo:
        for node in ast.walk(todo.pop()):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("code_digest", "encoder_digest"):
                steps |= {node.args[0].value} if isinstance(node.args[0], ast.Constant) else set()
            elif isinstance(node, ast.Name) and node.id in set(helpers) - followed:
                followed.add(node.id)
                todo.append(helpers[node.id])
    return steps
