# lists/{base_model}/seed{seed}/identity/ -> lists/{base_model}/seed{seed}/{reranker}/
# Each re-ranker permutes the first `depth` items of the base list; one job makes valid and test. Each type is a file in
# reelrank/rerank/; its schema entry declares what it reads besides lists and interactions.


rule rerank:
    input:
        unpack(plan.reranking.inputs),
    output:
        **by_split(paths.lists),
    log:
        paths.log("rerank"),
    benchmark:
        paths.benchmark("rerank")
    wildcard_constraints:
        reranker=one_of(plan.reranking.light),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        about=plan.lists.about,
        reranker_block=plan.reranking.block,
        needs=plan.reranking.needs,
        settings=plan.reranking.settings,
        history=config["history"],
    script:
        "../workflow/scripts/rerank.py"


# The same for types that run a model in the job, which should get a GPU.
use rule rerank as rerank_on_gpu with:
    wildcard_constraints:
        reranker=one_of(plan.reranking.heavy),
