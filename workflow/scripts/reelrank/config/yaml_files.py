"""Reads YAML files of the config fast, and refuses duplicate keys."""

from pathlib import Path

import yaml

from reelrank.errors import InputError

#: The C parser reads ten times as fast as Python's; not every build of PyYAML has it.
_Fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Fast):
    """Refuses a mapping with the same key twice; YAML would silently keep the last."""

    def __init__(self, stream):
        super().__init__(stream)
        self.checked = set()

    def flatten_mapping(self, node):
        """Check the keys of a node before merging (``<<``), since a node may override merged keys."""
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
            raise InputError(f"line {line}: the key {key.value!r} is already in line {first}; expected each key once")
        seen[key.value] = key


def read_yaml(path):
    """Return the content of a YAML file.

    Raises
    ------
    InputError
        If it is not YAML, or a mapping has the same key twice. Names the file and the line.
    """
    path = Path(path)
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: expected YAML ({' '.join(str(error).split())})") from None
