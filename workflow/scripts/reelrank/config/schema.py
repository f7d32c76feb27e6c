"""The schemas of the config: the one home of each key, with its type, default, unit, range and description.

``config/schemas/config.schema.yaml`` holds the keys of the config itself. Each section of
plug-ins (`SECTIONS`) has a file of its own, ``{section}.schema.yaml``, with one entry per
type. An entry is a JSON schema of the keys of a block, and may hold what the planning of a
run needs to know of the type, so that no plug-in is imported for it:

- ``kind``: of a re-ranker, the kind of its lists (`reelrank.data.tables.KINDS`);
- ``reads``: what its signal is made of, some of `READS`;
- ``needs``: the inputs that its step loads.
"""

import functools
import math
from fnmatch import fnmatchcase
from pathlib import Path

import jsonschema
import yaml

from reelrank.errors import InputError, suggest

#: The folder ``config/schemas`` of the repository.
FOLDER = Path(__file__).parents[4] / "config" / "schemas"

#: The sections of plug-ins, and the key of a block that names its type.
SECTIONS = {
    "models": "type",
    "encoders": "type",
    "language_models": "type",
    "chat_models": "client",
    "rerankers": "type",
}

#: What a signal can be made of.
READS = ("interactions", "metadata", "words", "images", "encoder", "language_model")


class Problems:
    """Mistakes of a config, collected so that all of them are reported at once."""

    def __init__(self):
        self.texts = []

    def add(self, text):
        """Note one mistake: the key, what was found, what was expected."""
        if text not in self.texts:
            self.texts.append(text)

    def stop(self):
        """Raise `InputError` with all mistakes, if there are any."""
        if len(self.texts) == 1:
            raise InputError(self.texts[0])
        if self.texts:
            lines = "\n".join(f"  {number}. {text}" for number, text in enumerate(self.texts, 1))
            raise InputError(f"the config has {len(self.texts)} mistakes:\n{lines}")


@functools.cache
def load_schema(name):
    """Return the content of ``config/schemas/{name}.schema.yaml``; the caller must not change it."""
    return yaml.safe_load((FOLDER / f"{name}.schema.yaml").read_text(encoding="utf-8"))


def entry(section, kind):
    """Return the schema entry of a type, e.g. ``entry("rerankers", "similarity")``."""
    return load_schema(section)[kind]


def options(section, kind, **given):
    """Return the complete options of a type: what is given, and the defaults of the schema for the rest.

    Raises
    ------
    InputError
        Names all keys that are wrong.
    """
    problems = Problems()
    block = complete_block(section, {SECTIONS[section]: kind, **given}, f"{section}.{kind}", problems)
    problems.stop()
    return {key: value for key, value in block.items() if key != SECTIONS[section]}


def complete_block(section, block, where, problems):
    """Check one block of a section against the entry of its type, and fill in the defaults.

    Parameters
    ----------
    section : str
        One of `SECTIONS`.
    block : dict
        With the key that names the type.
    where : str
        The block's place in the config, for errors.
    problems : Problems
        Takes the mistakes.

    Returns
    -------
    dict
        A new block with every key of the entry that is given or has a default.
    """
    types, key = load_schema(section), SECTIONS[section]
    kind = block.get(key)
    if kind is None:
        problems.add(f"config key {where}: '{key}' is missing; {suggest(kind, types)}")
        return dict(block)
    if not isinstance(kind, str) or kind not in types:
        problems.add(f"config key {where}.{key}: unknown {key} {kind!r}; {suggest(kind, types)}")
        return dict(block)
    given = {name: value for name, value in block.items() if name != key}
    schema = {"type": "object", "additionalProperties": False, **types[kind]}
    check(given, schema, where, problems)
    return {key: kind, **filled(given, schema)}


def filled(value, schema):
    """Return a mapping with the defaults of its schema filled in, level by level.

    A mapping inside it that is not given stays away unless the schema gives it a default.
    """
    if not isinstance(value, dict):
        return value
    known = schema.get("properties", {})
    rest = schema.get("additionalProperties")
    full = {name: own["default"] for name, own in known.items() if "default" in own and name not in value}
    for name, inner in value.items():
        own = known.get(name, rest if isinstance(rest, dict) else {})
        full[name] = filled(inner, own)
    order = [*known, *value]
    return {name: full[name] for name in dict.fromkeys(order) if name in full}


def check(value, schema, where, problems):
    """Check `value` against a JSON schema, and note every mistake with its key.

    A string where a number or a truth value is expected is read as YAML, in place: Snakemake's
    ``--config`` leaves what is nested in a list or mapping as strings, and YAML reads ``1e-4``
    as a string.
    """
    validator = _Validator(schema)
    _read_nested_strings(value, validator)
    for error in sorted(validator.iter_errors(value), key=lambda error: [str(step) for step in error.absolute_path]):
        for text in _messages(error, where):
            problems.add(text)


def _messages(error, where):
    """Yield what is wrong, as the user reads it."""
    key = ".".join([*([where] if where else []), *map(str, error.absolute_path)])
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        for unknown in sorted(set(error.instance) - set(known), key=str):
            full = f"{key}.{unknown}" if key else str(unknown)
            new = moved(full)
            yield (
                f"config key {full}: {new}"
                if new
                else (f"config key {full}: unknown key {unknown!r}; {suggest(unknown, known)}")
            )
    elif error.validator == "oneOf" and all("required" in choice for choice in error.validator_value):
        choices = " or ".join(repr(name) for choice in error.validator_value for name in choice["required"])
        yield f"config key {key}: expected exactly one of {choices}; found {sorted(error.instance)}"
    else:
        described = error.schema.get("description") if isinstance(error.schema, dict) else None
        expected = f"; expected: {described}" if described else ""
        yield f"config key {key or '(top)'}: {error.message}{expected}"


def moved(key):
    """Return what a key of an earlier version is called now, as a sentence, or None.

    ``config/schemas/moved.yaml`` maps patterns of old keys, with ``*`` for a name, to it.
    """
    for pattern, sentence in _moved().items():
        if key.count(".") == pattern.count(".") and fnmatchcase(key, pattern):
            return sentence
    return None


@functools.cache
def _moved():
    return yaml.safe_load((FOLDER / "moved.yaml").read_text(encoding="utf-8"))


#: JSON Schema counts 100.0 as an integer; a number of items or layers is none. NaN passes every range, infinity half.
_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
            "number": lambda _, value: (
                not isinstance(value, bool)
                and (isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)))
            ),
        }
    ),
)


def _read_nested_strings(value, validator):
    for error in list(validator.iter_errors(value)):
        path = list(error.absolute_path)
        if error.validator not in ("type", "enum") or not isinstance(error.instance, str) or not path:
            continue
        try:
            read = yaml.safe_load(error.instance)
            read = float(read) if isinstance(read, str) else read
        except (yaml.YAMLError, ValueError):
            continue
        # Only the type decides: a number out of its range is to be refused for that.
        wanted = {error.validator: error.validator_value}
        if not isinstance(read, str) and validator.evolve(schema=wanted).is_valid(read):
            parent = value
            for step in path[:-1]:
                parent = parent[step]
            parent[path[-1]] = read
