"""Merges, completes and checks the config in one pass. No heavy import: Snakemake itself runs this."""

import copy
from pathlib import Path

from reelrank.config.added import MARKS
from reelrank.config.addresses import check_address
from reelrank.config.comparisons import check_primary_test
from reelrank.config.fields import encoder_block, features_of, source_fields, with_sources
from reelrank.config.fusions import complete_fusions
from reelrank.config.item_inputs import add_item_twins
from reelrank.config.plugins import check_plugins
from reelrank.config.references import check_references
from reelrank.config.rerankers import reranker_depth, reranker_kind  # noqa: F401 - re-exported
from reelrank.config.schema import SECTIONS, Problems, check, complete_block, entry, filled, load_schema, without
from reelrank.config.search import complete_search
from reelrank.config.yaml_files import read_yaml
from reelrank.errors import InputError, suggest


def merge(base, over):
    """Return `base` with the mappings of `over` merged in, level by level."""
    merged = dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def default_config(folder):
    """Return the shipped config, merged as the Snakefile does: ``config.yaml`` and the file of each section.

    Parameters
    ----------
    folder : Path
        The folder ``config/``.
    """
    config = read_yaml(folder / "config.yaml")
    for section in SECTIONS:
        if (folder / f"{section}.yaml").is_file():
            config = merge(config, read_yaml(folder / f"{section}.yaml"))
    return config


def check_files(paths):
    """Check that no file of the config has a key twice: Snakemake would silently keep the last one.

    Parameters
    ----------
    paths : sequence of str or Path
        The files that Snakemake merged. A file that does not exist is left to Snakemake.

    Raises
    ------
    InputError
        Names the file and both lines.
    """
    for path in map(Path, paths):
        if path.is_file():
            read_yaml(path)


def complete(config, folder):
    """Return the config with all defaults, the definition of its dataset, and the controls of its models and fusions.

    Parameters
    ----------
    config : dict
        As Snakemake merged it; it is not changed.
    folder : str or Path
        The folder ``config/``, with ``datasets/`` and ``prompts/``.

    Raises
    ------
    InputError
        Names every key that is wrong, what was found and what was expected.
    """
    folder, problems = Path(folder), Problems()
    check_plugins(problems)
    config = _with_dataset(copy.deepcopy(dict(config)), folder, problems)
    schema = load_schema("config")
    wrong = check(config, schema, "", problems)
    blocks = {section: config[section] for section in SECTIONS if isinstance(config.get(section), dict)}
    config = filled(without(config, wrong), schema)
    with problems.noting():
        _complete_dataset(config, schema["$defs"]["dataset"], problems)
    for section, given in blocks.items():
        config[section] = {
            name: _complete_block(section, name, block, config, problems) for name, block in given.items()
        }
    check_references(config, folder, problems)
    with problems.noting():
        config = add_item_twins(config)
    with problems.noting():
        config = complete_fusions(config, problems)
    with problems.noting():
        check_primary_test(config, problems)
    with problems.noting():
        config = complete_search(config, problems)
    problems.stop()
    return config


def _with_dataset(config, folder, problems):
    """Return the config with the definition of its own dataset only, and without datasets if it has none."""
    name = config.get("dataset")
    if not isinstance(config.get("datasets", {}), dict):
        problems.add(f"config key datasets: found {config['datasets']!r}; expected a mapping of names to datasets")
        return {**config, "datasets": {}}
    if not isinstance(name, str):
        problems.add(f"config key dataset: found {name!r}; expected the name of one dataset")
        return {**config, "datasets": {}}
    path = folder / "datasets" / f"{name}.yaml"
    if path.is_file():
        config = merge(read_yaml(path), config)
    elif name not in config.get("datasets", {}):
        known = {file.stem for file in (folder / "datasets").glob("*.yaml")} | set(config.get("datasets", {}))
        problems.add(f"config key dataset: unknown dataset {name!r}; {suggest(name, known)}")
        return {**config, "datasets": {}}
    config["datasets"] = {name: config["datasets"][name]}
    return config


def _complete_dataset(config, schema, problems):
    """Fill in the defaults in the definition of the dataset."""
    name = config["dataset"]
    dataset = filled(config["datasets"][name], schema)
    if "generate" in dataset and "download" in dataset:
        problems.add(f"config key datasets.{name}: found 'generate' and 'download'; expected one of them, or neither")
    config["datasets"][name] = {"title": name, "synthetic": "generate" in dataset} | dataset


def _complete_block(section, name, block, config, problems):
    """Return a plug-in's block with all defaults; an empty one if it is no mapping (that mistake is already noted)."""
    where = f"{section}.{name}"
    if not isinstance(block, dict):
        return {}
    if isinstance(block.get("base_url"), str):
        try:
            check_address(f"{where}.base_url", block["base_url"])
        except InputError as error:  # remove the address, so that no other message shows it
            problems.add(str(error))
            block = {key: value for key, value in block.items() if key != "base_url"}
    complete = complete_block(section, block, where, problems)
    with problems.noting():
        for key, own in entry(section, complete[SECTIONS[section]])["properties"].items():
            if "at_most" in own and key not in block:
                complete[key] = min(complete[key], config[own["at_most"]])
    return complete


def language_model_blocks(config, name):
    """Return the block of a language model and, if it is fine-tuned, of its base; an empty list without a name."""
    block = config["language_models"].get(name)
    return [block, *language_model_blocks(config, block.get("base"))] if block else []


def deciding(block):
    """Return the block of a re-ranker or base model without the keys that the workflow notes in it."""
    return {key: value for key, value in block.items() if key not in MARKS}


def feature_blocks(config, model, reranker):
    """Return all settings that decide the features of a model and a re-ranker."""
    used = features_of(config, model, "models") + features_of(config, reranker, "rerankers")
    own = {name: encoder_block(config, name) for encoder, _ in used for name in with_sources(config, encoder)}
    joined = {field: source_fields(config, field) for _, field in used}
    tags = {name: config["tags"][name] for sources in joined.values() for name in sources if name in config["tags"]}
    own |= {block["encoder"]: encoder_block(config, block["encoder"]) for block in tags.values()}
    return [used, own, joined, tags, config["comments_per_item"]] if used else []
