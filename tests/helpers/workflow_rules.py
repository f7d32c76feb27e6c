"""The rules of the workflow, as Snakemake itself reads them."""

import os
from dataclasses import dataclass
from pathlib import Path

from snakemake.api import SnakemakeApi
from snakemake.settings.types import ConfigSettings, OutputSettings, Quietness, ResourceSettings

#: Configs that together have every rule: some rules stand under a condition.
CONFIGS = (
    {},
    {"user_shards": 2},
    {
        "dataset": "ml-100k",
        "fields": ["title", "category"],
        "run": {"base_models": ["pop"], "rerankers": ["identity", "random"]},
    },
)


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes
    ----------
    name : str
    environment, step : str or None
        The names of the conda environment and of the step, both without the folder.
    rule : snakemake.rules.Rule
    """

    name: str
    environment: str | None
    step: str | None
    rule: object


def load_rules(root, config):
    """Return the rules of the Snakefile in the folder `root` under a config, in the order of their definition."""
    here = Path.cwd()
    try:
        with SnakemakeApi(OutputSettings(quiet={Quietness.ALL})) as api:
            workflow = api.workflow(
                resource_settings=ResourceSettings(cores=1),
                config_settings=ConfigSettings(config=config),
                snakefile=Path(root) / "Snakefile",
            )
            found = list(workflow._workflow.rules)
    finally:
        os.chdir(here)
    return [Rule(rule.name, _stem(rule.conda_env), _name(rule.script), rule) for rule in found]


def all_rules(root):
    """Return every rule of the workflow, whatever its condition, by name."""
    return {rule.name: rule for config in CONFIGS for rule in load_rules(root, config)}


def _stem(file):
    return file and Path(str(file)).stem


def _name(file):
    return file and Path(str(file)).name
