# models/{base_model}/seed{seed}/ -> lists/{base_model}/seed{seed}/identity/{valid,test}.parquet
# The base list is the re-ranker `identity`: the best `candidates` unseen items of each user.


rule recommend:
    input:
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        weights=f"{MODEL}/weights.safetensors",
        description=f"{MODEL}/model.json",
    output:
        valid=f"{LISTS}/identity/valid.parquet",
        test=f"{LISTS}/identity/test.parquet",
    log:
        "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/recommend.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/recommend.tsv"
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        about=lambda wildcards: about_list(wildcards, "identity"),
        history=config["history"],
        threads=config["threads"],
        code=lambda wildcards: code_digest(
            "recommend.py", f"models/{config['models'][wildcards.base_model]['type']}.py"
        ),
    script:
        "../workflow/scripts/recommend.py"
