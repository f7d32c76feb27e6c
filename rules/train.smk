# prepared/interactions.parquet + split.parquet -> models/{base_model}/seed{seed}/
# One base model with one seed: weights, description, one row per epoch.


rule train:
    input:
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
    output:
        weights=f"{MODEL}/weights.safetensors",
        description=f"{MODEL}/model.json",
        training=f"{MODEL}/training.parquet",
    log:
        "results/logs/{dataset}/{protocol}/models/{base_model}/seed{seed}/train.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/models/{base_model}/seed{seed}/train.tsv"
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        model=lambda wildcards: config["models"][wildcards.base_model],
        threads=config["threads"],
        code=lambda wildcards: code_digest("train.py", f"models/{config['models'][wildcards.base_model]['type']}.py"),
    script:
        "../workflow/scripts/train.py"
