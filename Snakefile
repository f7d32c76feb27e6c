# reelrank: does it help to re-rank a recommender's top list with language models?
# Each rule file begins with a comment that lists its inputs and outputs.
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")


# config.yaml says what runs; the other files define what can be run. Snakemake merges them.
configfile: workflow.source_path("config/config.yaml")
configfile: workflow.source_path("config/models.yaml")
configfile: workflow.source_path("config/encoders.yaml")
configfile: workflow.source_path("config/language_models.yaml")
configfile: workflow.source_path("config/chat_models.yaml")
configfile: workflow.source_path("config/rerankers.yaml")


sys.path.insert(0, str(Path(workflow.basedir) / "workflow" / "scripts"))

from reelrank.config import complete, fusions
from reelrank.errors import InputError
from reelrank.plan.paths import PREDICTED, by_split, every, fill, gathered_from, one_of, shard_of, shards_of
from reelrank.plan.plan import Plan
from reelrank.running import arguments, console, slurm
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

try:
    complete.check_files(workflow.configfiles)
    config.update(complete.complete(config, Path(workflow.basedir) / "config"))
    plan = Plan(config, workflow.basedir)
except InputError as error:
    raise WorkflowError(str(error))

paths, chosen = plan.paths, plan.selection  # used by every rule

if workflow.is_main_process:
    for notice in fusions.notices(config):
        logger.info(f"reelrank: {notice}")
    for notice in fusions.left_out(config):
        logger.debug(f"reelrank: {notice}")  # with --verbose


wildcard_constraints:
    **plan.wildcard_constraints(),


include: "rules/download.smk"  # the stages, in the order of the pipeline
include: "rules/prepare.smk"
include: "rules/features.smk"
include: "rules/train.smk"
include: "rules/recommend.smk"
include: "rules/rerank.smk"
include: "rules/ask.smk"
include: "rules/shards.smk"
include: "rules/fuse.smk"
include: "rules/evaluate.smk"
include: "rules/audit.smk"
include: "rules/search.smk"
include: "rules/report.smk"


CONSOLE = console.attach(workflow)


onsuccess:
    CONSOLE.succeeded()


onerror:
    CONSOLE.stopped()


# Everything that the config selects: tables, report and audit of each protocol.
rule all:
    default_target: True
    input:
        plan.report.everything(),


# Snakemake only checks the time of a step's file. The digest covers everything that the step imports.
for step_rule in workflow.rules:
    if step_rule.script and (code := plan.code.param(step_rule.script)):
        step_rule.set_params(code=code)


onstart:
    arguments.remember(sys.argv, workflow.main_snakefile)  # for `make resume`
    if workflow.executor_plugin.name == "slurm":
        slurm.outlast_controller(sys.modules["snakemake_executor_plugin_slurm"], logger.warning)
