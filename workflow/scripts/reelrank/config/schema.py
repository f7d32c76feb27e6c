"""The schemas of the config. Only they define a key: its type, default, unit, range and description.

``config/schemas/config.schema.yaml`` holds the keys of the config itself. Each section of
plug-ins (`SECTIONS`) has its own file, ``{section}.schema.yaml``, with one entry per type.
An entry is a JSON schema of a block's keys. It may also hold facts about the type, so that
planning a run imports no plug-in:

- ``kind``: for a re-ranker, the kind of its lists (`reelrank.config.kinds.KINDS`);
- ``reads``: the data and models that it reads, some of `reelrank.config.kinds.READS`;
- ``needs``: the inputs that its step loads;
- ``file``: false if the type has no file in the library (`reelrank.config.plugins`);
- ``multiples``: keys whose value must be a multiple of another key's value.

A key with ``limit: true`` cannot change a result, only whether and when it comes.
"""

import contextlib
import copy
import functools
import math
from fnmatch import fnmatchcase
from pathlib import Path

import jsonschema
import yaml

from reelrank.config.yaml_files import read_yaml
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


class Problems:
    """Mistakes of a config, collected so that all of them are reported at once."""

    def __init__(self):
        self.texts = []

    def add(self, text):
        """Note one mistake: the key, what was found, what was expected."""
        if text not in self.texts:
            self.texts.append(text)

    @contextlib.contextmanager
    def noting(self):
        """Note the `InputError` that a check raises, and go on.

        An earlier mistake may leave keys out of the config. A check that fails for this reason is skipped; it
        runs again once the mistake is fixed.
        """
        try:
            yield
        except InputError as error:
            self.add(str(error))
        except (KeyError, TypeError, AttributeError, IndexError):
            if not self.texts:
                raise

    def stop(self):
        """Raise `InputError` with all mistakes, if there are any."""
        if len(self.texts) == 1:
            raise InputError(self.texts[0])
        if self.texts:
            lines = "\n".join(f"  {number}. {text}" for number, text in enumerate(self.texts, 1))
            raise InputError(f"the config has {len(self.texts)} mistakes:\n{lines}")


@functools.cache
def load_schema(name):
    """Return the content of ``config/schemas/{name}.schema.yaml``; the caller must not change it.

    Keys that begin with a dot are left out: they hold definitions that several types share.
    """
    return {key: value for key, value in read_yaml(FOLDER / f"{name}.schema.yaml").items() if key[0] != "."}


def entry(section, kind):
    """Return the schema entry of a type, e.g. ``entry("rerankers", "similarity")``."""
    return load_schema(section)[kind]


def types_with(section, key):
    """Return the types whose schema entry sets a key to true, e.g. ``types_with("encoders", "hosted")``."""
    return tuple(kind for kind, own in load_schema(section).items() if own.get(key) is True)


def options(section, kind, **given):
    """Return the complete options of a type: the given ones, and the schema's defaults for the rest.

    Raises
    ------
    InputError
        Names all wrong keys.
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
        Has the key that names the type.
    where : str
        The block's key in the config, for errors.
    problems : Problems
        Receives the mistakes.

    Returns
    -------
    dict
        A new block with every key of the entry that is given or has a default. A wrong value is left out or replaced
        by its default, so that further checks can run.
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
    wrong = check(given, schema, where, problems)
    known = {name: value for name, value in without(given, wrong).items() if name in schema["properties"]}
    complete = filled(known, schema)
    for name, rule in schema.get("multiples", {}).items():
        _check_multiple(complete, name, rule, where, problems)
    return {key: kind, **complete}


def without_limits(section, block):
    """Return a block without its keys with ``limit: true``, which cannot change a result."""
    known = entry(section, block[SECTIONS[section]])["properties"]
    return {key: value for key, value in block.items() if not known.get(key, {}).get("limit")}


def without(value, paths):
    """Return a mapping without the values at some paths; a path into a list removes the whole list."""
    value = copy.deepcopy(value)
    for path in paths:
        inner = value
        for step, after in zip(path, [*path[1:], None], strict=True):
            if not isinstance(inner.get(step), dict) or after is None:
                inner.pop(step, None)
                break
            inner = inner[step]
    return value


def _check_multiple(block, name, rule, where, problems):
    """Check that a number is a multiple of another key's value, times the constant ``times`` if given."""
    times, found, other = rule.get("times", 1), block.get(name), block.get(rule["of"])
    if found is None or other is None or found % (times * other) == 0:
        return
    multiple = rule["of"] if times == 1 else f"{times} * {rule['of']}"
    problems.add(
        f"config key {where}: found {name} {found} and {rule['of']} {other}; expected {name} to be a multiple of "
        f"{multiple}"
    )


def filled(value, schema):
    """Return a mapping with the defaults of its schema filled in, level by level.

    A missing inner mapping stays missing unless it has a default itself.
    """
    if not isinstance(value, dict):
        return value
    known = schema.get("properties", {})
    rest = schema.get("additionalProperties")
    missing = {name: own for name, own in known.items() if "default" in own and name not in value}
    full = {name: copy.deepcopy(own["default"]) for name, own in missing.items()}
    for name, inner in value.items():
        own = known.get(name, rest if isinstance(rest, dict) else {})
        full[name] = filled(inner, own)
    order = [*known, *value]
    return {name: full[name] for name in dict.fromkeys(order) if name in full}


def check(value, schema, where, problems):
    """Check `value` against a JSON schema, note every mistake with its key, and return the paths of wrong values.

    A string in the place of a number or boolean is parsed as YAML, in place: Snakemake's ``--config``
    leaves values inside lists and mappings as strings, and YAML reads ``1e-4`` as a string.
    """
    validator = _Validator(schema)
    _read_nested_strings(value, validator)
    errors = sorted(validator.iter_errors(value), key=lambda error: [str(step) for step in error.absolute_path])
    for error in errors:
        for text in _messages(error, where):
            problems.add(text)
    return [path for error in errors for path in _paths(error)]


def _paths(error):
    """Return the paths of an error's wrong values: each unknown key; no path for a missing key."""
    path = list(error.absolute_path)
    if error.validator == "additionalProperties":
        return [[*path, key] for key in set(error.instance) - set(error.schema.get("properties", {}))]
    return [path] if path and error.validator != "required" else []


def _messages(error, where):
    """Yield the messages of an error, as the user reads them."""
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
    """Return a sentence with the new name of a key of an earlier version, or None.

    ``config/schemas/moved.yaml`` maps patterns of old keys, with ``*`` for a name, to these sentences.
    """
    for pattern, sentence in _moved().items():
        if fnmatchcase(key, pattern):
            return sentence
    return None


@functools.cache
def _moved():
    return read_yaml(FOLDER / "moved.yaml")


#: JSON Schema accepts 100.0 as an integer, NaN in every range and infinity in some. These types refuse them.
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
        # Check the type only: a number out of range must get the error about its range.
        wanted = {error.validator: error.validator_value}
        if not isinstance(read, str) and validator.evolve(schema=wanted).is_valid(read):
            parent = value
            for step in path[:-1]:
                parent = parent[step]
            parent[path[-1]] = read
