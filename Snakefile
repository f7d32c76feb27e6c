# reelrank: does re-ranking a recommender's top list with language models help? Rule files open with their contract.
from snakemake.utils import min_version

min_version("9.0")


configfile: workflow.source_path("config/config.yaml")


include: "rules/common.smk"  # and then the stages, in the order of the pipeline
include: "rules/about_lists.smk"
include: "rules/feature_files.smk"
include: "rules/download.smk"
include: "rules/prepare.smk"
include: "rules/texts.smk"
include: "rules/features.smk"
include: "rules/train.smk"
include: "rules/recommend.smk"
include: "rules/asking.smk"
include: "rules/language_model.smk"
include: "rules/rerank.smk"
include: "rules/ask.smk"
include: "rules/sharding.smk"
include: "rules/shards.smk"
include: "rules/fusing.smk"
include: "rules/fuse.smk"
include: "rules/evaluate.smk"
include: "rules/effects.smk"
include: "rules/describing.smk"
include: "rules/beyond.smk"
include: "rules/auditing.smk"
include: "rules/audit.smk"
include: "rules/reporting.smk"
include: "rules/report.smk"


CONSOLE = console.attach(workflow)


onsuccess:
    CONSOLE.succeeded()


onerror:
    CONSOLE.stopped()


# Everything that the config selects: the tables and the figure of each protocol.
rule all:
    default_target: True
    input:
        expand(
            "results/{dataset}/{protocol}/{result}",
            dataset=config["dataset"],
            protocol=config["run"]["protocols"],
            result=[
                *expand("tables/{name}.{kind}", name=["hit_rate", "features"], kind=["csv", "md"]),
                *expand("tables/{name}.csv", name=["effects", "list_quality", "slices", "gaps", "positions"]),
                *expand("tables/{name}.csv", name=["answers", "cost"]),
                "report.html",
                "audit/audit.md",
            ],
        ),
