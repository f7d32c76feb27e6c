"""The config: merged and checked. No heavy import: Snakemake itself runs this."""

import math
import re
from pathlib import Path

import jsonschema
import yaml

from reelrank.config.addresses import check_address
from reelrank.config.fields import (
    FIELD_ROLES,
    check_definitions,
    check_feature,
    check_similarity,
    diversity_feature,
    encoder_block,
    features_of,
    parts,
)
from reelrank.config.fusions import complete_fusions, twins  # noqa: F401 - a question to the config, too
from reelrank.config.generative import check_generative, check_tuning, limits, load_prices
from reelrank.config.kinds import RERANKER_KINDS, reranker_depth  # noqa: F401
from reelrank.config.redrawing import check_audit
from reelrank.config.run_name import check_run_name
from reelrank.errors import InputError, suggest

#: Names of logs beside those of re-rankers.
TAKEN = re.compile(r"recommend|import_lists|fuse|evaluate|.*\.(ask|(\d+|all)-of-\d+)")

#: Defaults of the model's `Hyperparameters`, which import torch.
SASREC_DEFAULTS = {"embedding_size": 64, "heads": 2}


def merge(base, over):
    """Return `base` with the mappings of `over` merged in, level by level."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def complete(config, folder):
    """Return the config with the definition of its dataset and the twins of its fusions, checked.

    Parameters
    ----------
    config : dict
        As Snakemake merged it.
    folder : str or Path
        The folder ``config/``, with ``datasets/`` and ``schemas/``.

    Raises
    ------
    InputError
        Names the key, what was found and what was expected.
    """
    folder = Path(folder)
    if not isinstance(config.get("datasets", {}), dict):
        raise InputError(f"config key datasets: found {config['datasets']!r}; expected definitions of datasets by name")
    name = config.get("dataset")
    if not isinstance(name, str):
        raise InputError(f"config key dataset: found {name!r}; expected the name of one dataset")
    path = folder / "datasets" / f"{name}.yaml"
    if path.is_file():
        config = merge(yaml.safe_load(path.read_text(encoding="utf-8")), config)
    elif name not in config.get("datasets", {}):
        known = {file.stem for file in (folder / "datasets").glob("*.yaml")} | set(config.get("datasets", {}))
        raise InputError(f"config key dataset: unknown dataset {name!r}; {suggest(name, known)}")
    config["datasets"] = {name: config["datasets"][name]}
    check(config, yaml.safe_load((folder / "schemas" / "config.schema.yaml").read_text(encoding="utf-8")))
    _check_blocks(config, folder / "schemas")
    _check_references(config, folder)
    prices = load_prices(folder)
    for name in config["run"]["rerankers"]:
        if config["rerankers"][name]["type"] == "generative":
            shown = [*config["fields"], *config.get("tags", {})]
            check_generative(name, config["rerankers"][name], folder, shown, prices, config.get("language_models", {}))
    return complete_fusions(config)


def check(value, schema, where=""):
    """Check `value` against a JSON schema; raise `InputError` with the key that is wrong.

    A string where a number or a truth value is wanted is read as YAML, in place:
    Snakemake's ``--config`` leaves what is nested in a list or mapping as strings, and
    YAML itself takes ``1e-4`` for one.
    """
    validator = _Validator(schema)
    _read_nested_strings(value, validator)
    error = jsonschema.exceptions.best_match(validator.iter_errors(value))
    if error is None:
        return
    key = ".".join([*([where] if where else []), *map(str, error.absolute_path)])
    if error.validator == "additionalProperties":
        known = error.schema.get("properties", {})
        unknown = sorted(set(error.instance) - set(known))[0]
        full = f"{key}.{unknown}" if key else unknown
        raise InputError(f"config key {full}: unknown key {unknown!r}; {suggest(unknown, known)}")
    if error.validator == "oneOf":
        choices = " or ".join(repr(name) for choice in error.validator_value for name in choice.get("required", []))
        raise InputError(f"config key {key}: expected exactly one of {choices}; found {sorted(error.instance)}")
    raise InputError(f"config key {key or '(top)'}: {error.message}{_expected(error)}")


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


def _expected(error):
    described = error.schema.get("description") if isinstance(error.schema, dict) else None
    return f"; expected: {described}" if described else ""


def _check_blocks(config, schemas):
    """Check each model, encoder and re-ranker against the schema of its type."""
    for section in ("models", "encoders", "language_models", "rerankers"):
        types = yaml.safe_load((schemas / f"{section}.schema.yaml").read_text(encoding="utf-8"))
        for name, block in config[section].items():
            where = f"{section}.{name}"
            kind = block.get("type")
            if kind not in types:
                raise InputError(f"config key {where}.type: unknown type {kind!r}; {suggest(kind, types)}")
            options = {key: value for key, value in block.items() if key != "type"}
            if isinstance(options.get("base_url"), str):
                check_address(f"{where}.base_url", options["base_url"])
            check(options, {"type": "object", "additionalProperties": False, **types[kind]}, where)
            block.update(options)  # with what was read from strings
            if kind == "sasrec":
                _check_heads(where, block)


def _check_heads(where, block):
    size, heads = (block.get(key, default) for key, default in SASREC_DEFAULTS.items())
    if size % heads:
        raise InputError(f"config key {where}.heads: found {heads}; expected a divisor of embedding_size, {size}")


def _check_references(config, folder):
    """Check that what is named is defined, and that cut-offs fit the lists."""
    run = config["run"]
    for key, section in (("base_models", "models"), ("rerankers", "rerankers")):
        for name in run[key]:
            if name not in config[section]:
                raise InputError(f"config key run.{key}: unknown name {name!r}; {suggest(name, config[section])}")
    if "identity" not in run["rerankers"]:
        raise InputError(
            "config key run.rerankers: 'identity' is missing; it is the base list that all are compared to"
        )
    dataset = config["datasets"][config["dataset"]]
    roles = FIELD_ROLES.get(dataset["adapter"], {})
    for field in config["fields"]:
        if field not in roles:
            raise InputError(
                f"config key fields: dataset {config['dataset']!r} has no field {field!r}; {suggest(field, roles)}"
            )
        if roles[field] not in dataset["files"]:
            raise InputError(
                f"config key fields: {field!r} needs the key datasets.{config['dataset']}.files.{roles[field]}; "
                f"found only {sorted(dataset['files'])}"
            )
    cuts = [config["protocols"]["temporal"][f"{part}_quantile"] for part in ("valid", "test")]
    if cuts[0] >= cuts[1]:
        raise InputError(
            f"config key protocols.temporal: found valid_quantile {cuts[0]} and test_quantile {cuts[1]}; "
            "expected the first below the second"
        )
    for name in run["rerankers"]:
        block = config["rerankers"][name]
        if TAKEN.fullmatch(name):
            raise InputError(f"config key rerankers.{name}: a log of the run has this name; expected another")
        if (name == "identity") != (block["type"] == "identity"):
            raise InputError(
                f"config key rerankers.{name}.type: found {block['type']!r}; the base list is called 'identity', and "
                "nothing else is of type 'identity'"
            )
        depth = reranker_depth(config, name)
        if depth > (most := config["candidates"]):
            raise InputError(f"config key rerankers.{name}.depth: found {depth}; expected at most candidates, {most}")
        if max(config["cutoffs"]) > depth:
            raise InputError(
                f"config key cutoffs: found n = {max(config['cutoffs'])}; expected at most {depth}, the depth of the "
                f"re-ranker {name!r}"
            )
        if block["type"] == "similarity":
            check_similarity(config, name)
        if block["type"] == "likelihood" or block.get("language_model") in config["language_models"]:
            _check_language_model(config, f"rerankers.{name}.language_model", block["language_model"], folder)
    for name in run["base_models"]:
        for encoder, field in features_of(config, name, "models"):
            check_feature(config, f"models.{name}", encoder, field)
    if diversity := diversity_feature(config):
        check_feature(config, "diversity", *diversity)
    check_definitions(config)
    check_audit(config)
    check_run_name(config, folder)


def _check_language_model(config, where, name, folder):
    """Check that a language model and what it is fine-tuned from are defined, and that there are titles to read."""
    models = config["language_models"]
    if name not in models:
        raise InputError(f"config key {where}: unknown name {name!r}; {suggest(name, models)}")
    if "title" not in config["fields"]:
        raise InputError(f"config key {where}: needs 'title', which is not among fields = {config['fields']}")
    if models[name]["type"] == "lora":
        base, key = models[name]["base"], f"language_models.{name}.base"
        bases = {other: block for other, block in models.items() if block["type"] != "lora"}
        if base not in bases:
            raise InputError(
                f"config key {key}: {base!r} is no language model that can be tuned; {suggest(base, bases)}"
            )
        if models[base].get("adapter"):
            raise InputError(
                f"config key {key}: {base!r} has an adapter of its own, which would be lost; expected a model without"
            )
        check_tuning(f"language_models.{name}", models[name], folder, config["fields"])


def language_model_blocks(config, name):
    """Return the block of a language model and, if it is fine-tuned, that of its base; none without a name."""
    block = config["language_models"].get(name)
    return [block, *language_model_blocks(config, block.get("base"))] if block else []


def likelihood_options(block):
    """Return the options of a likelihood re-ranker, with the defaults filled in."""
    defaults = {"history_length": 10, "unconditional_weight": 0.0, "users": "all"}
    return defaults | {key: value for key, value in block.items() if key not in ("type", "depth")}


def deciding(block):
    """Return a block without what cannot change a result (budgets, rates, permissions)."""
    allowed = limits(block) if block["type"] == "generative" else ["left_out"]
    return {key: value for key, value in block.items() if key not in allowed}


def similarity_options(block):
    """Return the options of a similarity re-ranker, with the defaults filled in."""
    defaults = {"history_length": 10, "pooling": "mean"}
    return {key: block.get(key, value) for key, value in defaults.items()}


def feature_blocks(config, model, reranker):
    """Return all settings that decide the features which a model and a re-ranker read."""
    used = features_of(config, model, "models") + features_of(config, reranker, "rerankers")
    own = {name: encoder_block(config, name) for name, _ in used}
    joined = {field: parts(config, field) for _, field in used}
    tags = {part: config["tags"][part] for texts in joined.values() for part in texts if part in config["tags"]}
    own |= {block["encoder"]: encoder_block(config, block["encoder"]) for block in tags.values()}
    return [used, own, joined, tags, config["comments_per_item"]] if used else []
