# prepared/interactions.parquet + split.parquet -> models/{base_model}/seed{seed}/
# One base model with one seed: weights, description, one row per epoch. A block with `encoder` reads its item features.


rule train:
    input:
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        features=lambda wildcards: feature_paths(wildcards, wildcards.base_model, "models"),
        descriptions=lambda wildcards: [
            f"{path.removesuffix('.npy')}.json" for path in feature_paths(wildcards, wildcards.base_model, "models")
        ],
    output:
        weights=f"{MODEL}/weights.safetensors",
        description=f"{MODEL}/model.json",
        training=f"{MODEL}/training.parquet",
    log:
        "results/logs/{dataset}/{protocol}/models/{base_model}/seed{seed}/train.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/models/{base_model}/seed{seed}/train.tsv"
    wildcard_constraints:
        base_model=names(base_models(external=False)),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        model=lambda wildcards: config["models"][wildcards.base_model],
        threads=config["threads"],
        deterministic=config["deterministic"],
        code=lambda wildcards: code_digest("train.py", f"models/{config['models'][wildcards.base_model]['type']}.py"),
    script:
        "../workflow/scripts/train.py"
