"""YAML files of the config, read fast, and with no name given twice."""

from pathlib import Path

import yaml

from reelrank.errors import InputError

#: The C parser reads ten times as fast as Python's; not every build of PyYAML has it.
_Fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Fast):
    """Refuses a mapping that has a key twice, of which YAML would keep the last in silence."""

    def __init__(self, stream):
        super().__init__(stream)
        self.checked = set()

    def flatten_mapping(self, node):
        """Check the keys of a node before it takes what it merges (``<<``), whose keys it may have again."""
        if id(node) not in self.checked:
            self.checked.add(id(node))
            _refuse_twice(node)
        super().flatten_mapping(node)


def _refuse_twice(node):
    seen = {}
    keys = [key for key, _ in node.value if isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge")]
    for key in keys:
        if key.value in seen:
            first, line = seen[key.value].start_mark.line + 1, key.start_mark.line + 1
            raise InputError(f"line {line}: the name {key.value!r} is taken by line {first}; expected another")
        seen[key.value] = key


def read_yaml(path):
    """Return the content of a YAML file.

    Raises
    ------
    InputError
        If it is no YAML, or a mapping has the same key twice; names the file and the line.
    """
    path = Path(path)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: found no YAML ({' '.join(str(error).split())})") from None
