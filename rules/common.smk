# No rules here: the config is completed and checked, wildcards are constrained to
# its names, and a few functions name files and digest code.
import json
import re
import sys
from pathlib import Path

SCRIPTS = Path(workflow.basedir) / "workflow" / "scripts"
sys.path.insert(0, str(SCRIPTS))

from reelrank.config import complete as settings, fields, fusions as fusion_options, redrawing

from reelrank import digests

from reelrank.plan import raw_files as raw

from reelrank.running import arguments as run_arguments, console, slurm
from reelrank.errors import InputError
from reelrank.config import generative as llm
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

try:
    config.update(settings.complete(config, Path(workflow.basedir) / "config"))
    DATASET = config["datasets"][config["dataset"]]
    RAW_FILES = raw.raw_files(config)
    PRICES = llm.load_prices(Path(workflow.basedir) / "config")
except InputError as error:
    raise WorkflowError(str(error))

if workflow.is_main_process:
    for notice in fusion_options.notices(config):
        logger.info(f"reelrank: {notice}")
    for notice in fusion_options.left_out(config):
        logger.debug(f"reelrank: {notice}")  # with --verbose

RUN = config["run"]
PARTS = ["valid", "test"]
REDRAWN = [redrawing.redrawn(protocol) for protocol in RUN["protocols"]]  # the audit's

# Where things stand; every rule file builds on these names.
RAW = "results/{dataset}/raw"
PREPARED = "results/{dataset}/prepared"
FEATURE = "results/{dataset}/{place}/{encoder}/{field}"
PROTOCOL = "results/{dataset}/{protocol}"
TEXTS = f"{PROTOCOL}/texts"
CLIP = f"{PROTOCOL}/clip/{{encoder}}"
MODEL = f"{PROTOCOL}/models/{{base_model}}/seed{{seed}}"
LANGUAGE_MODEL = f"{PROTOCOL}/language_models/{{language_model}}"
LISTS = f"{PROTOCOL}/lists/{{base_model}}/seed{{seed}}"
RANKS = f"{LISTS}/{{reranker}}/{{part}}.ranks.parquet"


def names(values):
    """A wildcard constraint: one of these names, and nothing if there is none."""
    return "|".join(map(re.escape, map(str, values))) or "(?!)"


wildcard_constraints:
    dataset=names([config["dataset"]]),
    protocol=names([*RUN["protocols"], *REDRAWN]),
    base_model=names(RUN["base_models"]),
    seed=r"\d+",
    reranker=names(RUN["rerankers"]),
    encoder=names(config["encoders"]),
    field=names(fields.field_names(config)),
    place=names(["features", *(f"{protocol}/features" for protocol in [*RUN["protocols"], *REDRAWN])]),
    scatteritem=r"\d+-of-\d+",
    language_model=names(config["language_models"]),


def rerankers_of(*types):
    """The re-rankers of the run that have one of these types."""
    return [name for name in RUN["rerankers"] if config["rerankers"][name]["type"] in types]


def rerankers_over(base_model):
    """The re-rankers of the run over a base model: no fusion where no valid lists are to be fitted on."""
    return fusion_options.rerankers_over(config, base_model)


def base_models(external):
    """The base models of the run that are read from a file, or those that are trained."""
    return [name for name in RUN["base_models"] if (config["models"][name]["type"] == "external") == external]


def learned(path):
    """An input function: a file that is learned from training interactions, which redrawn targets do not change."""
    return lambda wildcards: path.format(
        **{**dict(wildcards.items()), "protocol": redrawing.learned_under(config, wildcards.protocol)}
    )


def code_digest(script, *modules):
    """Changes when the code behind a step changes in a way that can change its result."""
    return digests.code_digest(SCRIPTS, script, *modules)


def external_lists(wildcards):
    """The files that an outside recommender's lists are read from: test, and valid where there are some."""
    block = config["models"][wildcards.base_model]
    return {part: block[part] for part in PARTS if part in block}


def archive_parts(wildcards):
    """The parts of the archive that a raw file or folder comes in."""
    return [raw.raw_path(config, part) for part in DATASET["archives"][wildcards.name]]


def all_ranks(wildcards):
    """The ranks of every list of the run under one protocol."""
    return [
        RANKS.format(
            dataset=wildcards.dataset,
            protocol=wildcards.protocol,
            base_model=base_model,
            seed=seed,
            reranker=reranker,
            part=part,
        )
        for base_model in RUN["base_models"]
        for seed in RUN["seeds"]
        for reranker in rerankers_over(base_model)
        for part in PARTS
    ]


onstart:
    run_arguments.remember(sys.argv, workflow.main_snakefile)  # for `make resume`
    if workflow.executor_plugin.name == "slurm":
        slurm.outlast_controller(sys.modules["snakemake_executor_plugin_slurm"], logger.warning)
