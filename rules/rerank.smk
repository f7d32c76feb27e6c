# lists/{base_model}/seed{seed}/identity/ -> lists/{base_model}/seed{seed}/{reranker}/
# Each re-ranker permutes the first `depth` items of the base list; one job makes valid and test.


rule rerank_randomly:
    input:
        valid=f"{LISTS}/identity/valid.parquet",
        test=f"{LISTS}/identity/test.parquet",
    output:
        valid=f"{LISTS}/{{reranker}}/valid.parquet",
        test=f"{LISTS}/{{reranker}}/test.parquet",
    log:
        "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.tsv"
    wildcard_constraints:
        reranker=names(rerankers_of("random")),
    conda:
        "../envs/data.yaml"
    params:
        about=about_list,
        seed=lambda wildcards: config["rerankers"][wildcards.reranker]["seed"],
        code=code_digest("rerank_randomly.py"),
    script:
        "../workflow/scripts/rerank_randomly.py"


rule rerank_by_similarity:
    input:
        valid=f"{LISTS}/identity/valid.parquet",
        test=f"{LISTS}/identity/test.parquet",
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        matrices=lambda wildcards: feature_paths(wildcards, wildcards.reranker, "rerankers"),
        texts=history_text_paths,
        weights=history_weights,
    output:
        valid=f"{LISTS}/{{reranker}}/valid.parquet",
        test=f"{LISTS}/{{reranker}}/test.parquet",
    log:
        "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.tsv"
    wildcard_constraints:
        reranker=names(set(rerankers_of("similarity")) - set(encoding_histories())),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        about=about_list,
        features=lambda wildcards: [
            (encoder, field, fields.encoder_block(config, encoder))
            for encoder, field in fields.features_of(config, wildcards.reranker, "rerankers")
        ],
        options=lambda wildcards: config["rerankers"][wildcards.reranker],
        texts=lambda wildcards: history_parts(wildcards.reranker),
        history=config["history"],
        threads=config["threads"],
        code=lambda wildcards: code_digest("rerank_by_similarity.py", *history_encoder(wildcards.reranker)),
    script:
        "../workflow/scripts/rerank_by_similarity.py"


# The same where a text of each user is encoded: no longer work of seconds.
use rule rerank_by_similarity as rerank_by_history_text with:
    wildcard_constraints:
        reranker=names(encoding_histories()),
