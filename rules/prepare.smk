# results/{dataset}/raw/ -> prepared/{interactions,items,users,comments}.parquet, statistics.json
# prepared/ -> {protocol}/split.parquet, split.json, item_statistics.parquet
# `prepare` gives dense indices, time order and counts; `split` chooses interactions for training, valid and test.


rule prepare:
    input:
        **plan.raw.files,
    output:
        interactions=paths.interactions,
        catalogue=paths.items,
        users=paths.users,
        comments=paths.comments,
        statistics=paths.statistics,
    log:
        paths.log("prepare"),
    benchmark:
        paths.benchmark("prepare")
    conda:
        "../envs/data.yaml"
    params:
        adapter=plan.raw.dataset["adapter"],
        fields=config["fields"],
        options=plan.raw.dataset["options"],
        min_interactions=config["min_interactions"],
        tie_seed=config["tie_seed"],
        expected=plan.raw.dataset["expected"],
    script:
        "../workflow/scripts/prepare.py"


rule split:
    input:
        interactions=paths.interactions,
    output:
        split=paths.split,
        item_statistics=paths.item_statistics,
        counts=paths.split_counts,
    log:
        paths.log("split"),
    benchmark:
        paths.benchmark("split")
    wildcard_constraints:
        protocol=one_of(chosen.protocols),
    conda:
        "../envs/data.yaml"
    params:
        options=lambda wildcards: config["protocols"][wildcards.protocol],
    script:
        "../workflow/scripts/split.py"
