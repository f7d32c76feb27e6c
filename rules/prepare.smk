# results/{dataset}/raw/ -> prepared/{interactions,items,users,comments}.parquet, statistics.json
# prepared/ -> {protocol}/split.parquet, split.json, item_statistics.parquet
# Dense indices, time order, counts; then which interactions are learned from and which predicted.


rule prepare:
    input:
        **RAW_FILES,
    output:
        interactions=f"{PREPARED}/interactions.parquet",
        catalogue=f"{PREPARED}/items.parquet",
        users=f"{PREPARED}/users.parquet",
        comments=f"{PREPARED}/comments.parquet",
        statistics=f"{PREPARED}/statistics.json",
    log:
        "results/logs/{dataset}/prepared/prepare.log",
    benchmark:
        "results/benchmarks/{dataset}/prepared/prepare.tsv"
    conda:
        "../envs/data.yaml"
    params:
        adapter=DATASET["adapter"],
        fields=config["fields"],
        options=DATASET["options"],
        min_interactions=config["min_interactions"],
        expected=DATASET["expected"],
        code=code_digest("prepare.py", f"datasets/{DATASET['adapter']}.py"),
    script:
        "../workflow/scripts/prepare.py"


rule split:
    input:
        interactions=f"{PREPARED}/interactions.parquet",
    output:
        split=f"{PROTOCOL}/split.parquet",
        item_statistics=f"{PROTOCOL}/item_statistics.parquet",
        counts=f"{PROTOCOL}/split.json",
    log:
        "results/logs/{dataset}/{protocol}/split.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/split.tsv"
    wildcard_constraints:
        protocol=names(RUN["protocols"]),
    conda:
        "../envs/data.yaml"
    params:
        options=lambda wildcards: config["protocols"][wildcards.protocol],
        code=code_digest("split.py"),
    script:
        "../workflow/scripts/split.py"
