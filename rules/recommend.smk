# models/{base_model}/seed{seed}/, or a file of lists -> lists/{base_model}/seed{seed}/identity/{valid,test}.parquet
# The base list is the re-ranker `identity`: the best `candidates` unseen items of each user,
# by a model trained here, or as an outside recommender (type `external`) wrote them.


rule recommend:
    input:
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        weights=learned(f"{MODEL}/weights.safetensors"),
        description=learned(f"{MODEL}/model.json"),
    output:
        valid=f"{LISTS}/identity/valid.parquet",
        test=f"{LISTS}/identity/test.parquet",
    log:
        "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/recommend.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/recommend.tsv"
    wildcard_constraints:
        base_model=names(base_models(external=False)),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        about=lambda wildcards: about_list(wildcards, "identity"),
        history=config["history"],
        precision=config["scoring_precision"],
        threads=config["threads"],
        deterministic=config["deterministic"],
        code=lambda wildcards: code_digest(
            "recommend.py", f"models/{config['models'][wildcards.base_model]['type']}.py"
        ),
    script:
        "../workflow/scripts/recommend.py"


rule import_lists:
    input:
        unpack(external_lists),
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        users=f"{PREPARED}/users.parquet",
        catalogue=f"{PREPARED}/items.parquet",
    output:
        valid=f"{LISTS}/identity/valid.parquet",
        test=f"{LISTS}/identity/test.parquet",
        counts=f"{LISTS}/identity/import.json",
    log:
        "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/import_lists.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/import_lists.tsv"
    wildcard_constraints:
        base_model=names(base_models(external=True)),
    conda:
        "../envs/data.yaml"
    params:
        about=lambda wildcards: about_list(wildcards, "identity"),
        cutoff=max(config["cutoffs"]),
        code=code_digest("import_lists.py"),
    script:
        "../workflow/scripts/import_lists.py"
