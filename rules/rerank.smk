# lists/{base_model}/seed{seed}/identity/ -> lists/{base_model}/seed{seed}/{reranker}/
# Each re-ranker permutes the first `depth` items of the base list; one job makes valid and test.


rule rerank_randomly:
    input:
        **by_split(paths.base_lists),
    output:
        **by_split(paths.lists),
    log:
        paths.log("rerank"),
    benchmark:
        paths.benchmark("rerank")
    wildcard_constraints:
        reranker=one_of(chosen.rerankers_of("random")),
    conda:
        "../envs/data.yaml"
    params:
        about=plan.lists.about,
        shuffle_seed=lambda wildcards: config["rerankers"][wildcards.reranker].get("seed", 1),
    script:
        "../workflow/scripts/rerank_randomly.py"


rule rerank_by_similarity:
    input:
        **by_split(paths.base_lists),
        interactions=paths.interactions,
        split=paths.split,
        matrices=plan.features.of_reranker,
        texts=plan.features.history_texts,
        weights=plan.features.history_weights,
    output:
        **by_split(paths.lists),
    log:
        paths.log("rerank"),
    benchmark:
        paths.benchmark("rerank")
    wildcard_constraints:
        reranker=one_of(set(chosen.rerankers_of("similarity")) - set(plan.features.encoding_histories())),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        about=plan.lists.about,
        features=plan.features.blocks_of_reranker,
        options=plan.features.similarity_options,
        fields=plan.features.history_parts,
        history=config["history"],
        threads=config["threads"],
    script:
        "../workflow/scripts/rerank_by_similarity.py"


# The same where a text of each user is encoded: no longer work of seconds.
use rule rerank_by_similarity as rerank_by_history_text with:
    wildcard_constraints:
        reranker=one_of(plan.features.encoding_histories()),


rule rerank_by_likelihood:
    input:
        **by_split(paths.base_lists),
        interactions=paths.interactions,
        split=paths.split,
        catalogue=paths.items,
        weights=plan.language_models.files_of_reranker,
    output:
        **by_split(paths.lists),
    log:
        paths.log("rerank"),
    benchmark:
        paths.benchmark("rerank")
    wildcard_constraints:
        reranker=one_of(chosen.rerankers_of("likelihood")),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        about=plan.lists.about,
        options=plan.language_models.likelihood_options,
        source=plan.language_models.source_of_reranker,
        history=config["history"],
        threads=config["threads"],
    script:
        "../workflow/scripts/rerank_by_likelihood.py"
