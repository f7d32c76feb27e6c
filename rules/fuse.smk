# lists/{base_model}/seed{seed}/{identity, signals}/ -> lists/{base_model}/seed{seed}/{fusion}/{valid,test}.parquet, fusion.json
# One job makes all fusions over a base list, and their twins without language models; fitted on valid alone.


rule fuse:
    input:
        unpack(signal_lists),
        valid=f"{LISTS}/identity/valid.parquet",
        test=f"{LISTS}/identity/test.parquet",
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        item_statistics=f"{PROTOCOL}/item_statistics.parquet",
        catalogue=f"{PREPARED}/items.parquet",
        matrices=fusion_matrices,
    output:
        valid=expand(f"{LISTS}/{{reranker}}/valid.parquet", reranker=FUSIONS, allow_missing=True),
        test=expand(f"{LISTS}/{{reranker}}/test.parquet", reranker=FUSIONS, allow_missing=True),
        description=expand(f"{LISTS}/{{reranker}}/fusion.json", reranker=FUSIONS, allow_missing=True),
    log:
        "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/fuse.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/fuse.tsv"
    wildcard_constraints:
        base_model=names(fusible_base_models() if FUSIONS else []),
    conda:
        "../envs/fuse.yaml"
    threads: config["threads"]
    params:
        fusions=lambda wildcards: {name: fusion_block(wildcards, name) for name in FUSIONS},
        signals=fusion_signals(),
        features=fusion_features(),
        history=config["history"],
        threads=config["threads"],
        code=code_digest("fuse.py", *fusion_modules()),
    script:
        "../workflow/scripts/fuse.py"
