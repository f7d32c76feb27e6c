# prepared/ + split.parquet -> language_models/{language_model}/ (a folder of the transformers library)
# lists/.../identity/ -> lists/.../{reranker}/, by the likelihood that such a model gives to titles
# Language models that run in process: trained from scratch, or given. No key, no request.


rule train_language_model:
    input:
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        catalogue=f"{PREPARED}/items.parquet",
    output:
        f"{LANGUAGE_MODEL}/config.json",
        f"{LANGUAGE_MODEL}/generation_config.json",
        f"{LANGUAGE_MODEL}/model.safetensors",
        f"{LANGUAGE_MODEL}/tokenizer.json",
        f"{LANGUAGE_MODEL}/tokenizer_config.json",
        f"{LANGUAGE_MODEL}/language_model.json",
    log:
        "results/logs/{dataset}/{protocol}/language_models/{language_model}.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/language_models/{language_model}.tsv"
    wildcard_constraints:
        language_model=names(language_models("scratch")),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        model=lambda wildcards: config["language_models"][wildcards.language_model],
        threads=config["threads"],
        code=code_digest("train_language_model.py"),
    script:
        "../workflow/scripts/train_language_model.py"


rule finetune_language_model:
    input:
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        catalogue=f"{PREPARED}/items.parquet",
        base=lambda wildcards: language_model_files(wildcards, tuned_block(wildcards)["base"]),
    output:
        f"{LANGUAGE_MODEL}/adapter_config.json",
        f"{LANGUAGE_MODEL}/adapter_model.safetensors",
        f"{LANGUAGE_MODEL}/language_model.json",
    log:
        "results/logs/{dataset}/{protocol}/language_models/{language_model}.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/language_models/{language_model}.tsv"
    wildcard_constraints:
        language_model=names(language_models("lora")),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        model=tuned_block,
        source=lambda wildcards: language_model_source(wildcards, tuned_block(wildcards)["base"]),
        prompt=lambda wildcards: llm.load_prompt(Path(workflow.basedir) / "config", tuned_block(wildcards)["prompt"]),
        threads=config["threads"],
        code=code_digest("finetune_language_model.py"),
    script:
        "../workflow/scripts/finetune_language_model.py"


rule rerank_by_likelihood:
    input:
        valid=f"{LISTS}/identity/valid.parquet",
        test=f"{LISTS}/identity/test.parquet",
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        catalogue=f"{PREPARED}/items.parquet",
        weights=lambda wildcards: language_model_files(
            wildcards, config["rerankers"][wildcards.reranker]["language_model"]
        ),
    output:
        valid=f"{LISTS}/{{reranker}}/valid.parquet",
        test=f"{LISTS}/{{reranker}}/test.parquet",
    log:
        "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.tsv"
    wildcard_constraints:
        reranker=names(rerankers_of("likelihood")),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        about=about_list,
        reranker=lambda wildcards: settings.likelihood_options(config["rerankers"][wildcards.reranker]),
        source=lambda wildcards: language_model_source(
            wildcards, config["rerankers"][wildcards.reranker]["language_model"]
        ),
        history=config["history"],
        threads=config["threads"],
        code=code_digest("rerank_by_likelihood.py"),
    script:
        "../workflow/scripts/rerank_by_likelihood.py"
