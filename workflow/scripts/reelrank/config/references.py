"""Checks references in the config: every name is defined, and depths, fields and cut-offs fit each other.

No heavy import: Snakemake itself runs this.
"""

import re

from reelrank.config.fields import (
    FIELD_ROLES,
    check_definitions,
    check_feature,
    check_similarity,
    check_words,
    diversity_feature,
    features_of,
)
from reelrank.config.generative import check_generative, check_tuning, check_users, language_model_of
from reelrank.config.rerankers import reranker_depth
from reelrank.errors import InputError, suggest

#: Names that other logs in the same folder have; no re-ranker may have one.
TAKEN = re.compile(r"recommend|import_lists|fuse|evaluate|.*\.(ask|(\d+|all)-of-\d+)")


def check_references(config, folder, problems):
    """Check a config with complete blocks. A check that an earlier mistake makes impossible is skipped.

    Parameters
    ----------
    config : dict
    folder : Path
        The folder ``config/``.
    problems : reelrank.config.schema.Problems
        Takes the mistakes.
    """
    for check in (_check_run, _check_fields, _check_protocols, _check_diversity, check_definitions, _check_audit):
        with problems.noting():
            check(config, problems)
    with problems.noting():
        _check_run_name(config, folder, problems)
    with problems.noting():
        check_generative(config, folder, problems)
    run = config.get("run", {})
    for name in run.get("base_models", []):
        with problems.noting():
            _check_base_model(config, name, problems)
    for name in run.get("rerankers", []):
        if name in config.get("rerankers", {}):
            with problems.noting():
                _check_reranker(config, name, folder, problems)


def _check_run(config, problems):
    for key, section in (("base_models", "models"), ("rerankers", "rerankers")):
        for name in config["run"].get(key, []):
            if name not in config[section]:
                problems.add(f"config key run.{key}: unknown name {name!r}; {suggest(name, config[section])}")
    if "identity" not in config["run"].get("rerankers", ["identity"]):
        problems.add(
            "config key run.rerankers: 'identity' is missing; it is the base list, which all others are compared to"
        )


def _check_run_name(config, folder, problems):
    """Check that a run's name is not a dataset's: both are folders below ``results/``."""
    name = config["run"]["name"]
    if name in {path.stem for path in (folder / "datasets").glob("*.yaml")} | {config["dataset"]}:
        problems.add(f"config key run.name: found {name!r}, the name of a dataset; expected another name")


def _check_fields(config, problems):
    dataset = config["datasets"][config["dataset"]]
    roles = FIELD_ROLES[dataset["adapter"]]
    for field in config["fields"]:
        if field not in roles:
            problems.add(
                f"config key fields: dataset {config['dataset']!r} has no field {field!r}; {suggest(field, roles)}"
            )
        elif roles[field] not in dataset["files"]:
            problems.add(
                f"config key fields: {field!r} needs the key datasets.{config['dataset']}.files.{roles[field]}; "
                f"found only {sorted(dataset['files'])}"
            )


def _check_protocols(config, problems):
    pairs = str(config["datasets"].get(config["dataset"], {}).get("files", {}).get("interactions"))
    if "temporal" in config["run"].get("protocols", []) and pairs.endswith(".tsv"):
        problems.add(
            f"config key run.protocols: 'temporal' needs times, and {pairs!r} has none (a .tsv of pairs); expected "
            "leave_one_out, or a .csv of pairs"
        )
    first, second = (config["protocols"]["temporal"][f"{split}_quantile"] for split in ("valid", "test"))
    if first >= second:
        problems.add(
            f"config key protocols.temporal: found valid_quantile {first} and test_quantile {second}; "
            "expected the first below the second"
        )


def _check_diversity(config, problems):
    if feature := diversity_feature(config):
        check_feature(config, "diversity", *feature)


def _check_audit(config, problems):
    for name in config["audit"]["base_models"] or []:
        if name not in config["models"]:
            problems.add(f"config key audit.base_models: unknown name {name!r}; {suggest(name, config['models'])}")


def _check_base_model(config, name, problems):
    where = f"models.{name}" + (".item_input" if config["models"][name].get("item_input") else "")
    for encoder, field in features_of(config, name, "models"):
        check_feature(config, where, encoder, field)


def _check_reranker(config, name, folder, problems):
    """Check a re-ranker of the run: its name, its depth, and what its block names."""
    block, where = config["rerankers"][name], f"rerankers.{name}"
    if TAKEN.fullmatch(name):
        problems.add(f"config key {where}: the name is taken by a log of the run; expected another")
    if (name == "identity") != (block["type"] == "identity"):
        problems.add(
            f"config key {where}.type: found {block['type']!r}; expected type 'identity' for the name 'identity', and "
            "for no other"
        )
    with problems.noting():
        _check_depth(config, name, problems)
    if block["type"] == "similarity":
        check_similarity(config, name, problems)
    if block["type"] == "likelihood":
        check_users(f"config key {where}", block["users"], problems)
    with problems.noting():
        check_words(config, name)
    with problems.noting():
        if language_model := language_model_of(config, name):
            where = f"chat_models.{block['chat_model']}" if "chat_model" in block else where
            _check_language_model(config, f"{where}.language_model", language_model, folder)


def _check_depth(config, name, problems):
    depth, most, cutoff = reranker_depth(config, name), config["candidates"], max(config["cutoffs"])
    if depth > most:
        problems.add(f"config key rerankers.{name}.depth: found {depth}; expected at most candidates, {most}")
    if cutoff > depth:
        problems.add(
            f"config key cutoffs: found n = {cutoff}; expected at most {depth}, the depth of the re-ranker {name!r}"
        )


def _check_language_model(config, where, name, folder):
    """Check that a language model and its base are defined, and that titles are prepared."""
    models = config["language_models"]
    if name not in models:
        raise InputError(f"config key {where}: unknown name {name!r}; {suggest(name, models)}")
    if "title" not in config["fields"]:
        raise InputError(f"config key {where}: needs 'title' in the key fields; found {config['fields']}")
    if models[name]["type"] == "lora":
        base, key = models[name]["base"], f"language_models.{name}.base"
        bases = {other: block for other, block in models.items() if block["type"] != "lora"}
        if base not in bases:
            raise InputError(
                f"config key {key}: {base!r} is not a language model that can be fine-tuned; {suggest(base, bases)}"
            )
        if models[base].get("adapter"):
            raise InputError(
                f"config key {key}: {base!r} already has an adapter, which would be lost; expected a model without one"
            )
        check_tuning(f"language_models.{name}", models[name], folder, config["fields"])
