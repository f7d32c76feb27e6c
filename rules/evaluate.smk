# lists/{base_model}/seed{seed}/*/ -> .../{valid,test}.ranks.parquet -> tables/hit_rate.{csv,md}
# One number per user, the rank of the held-out item; every table is made of those.


rule evaluate:
    input:
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        lists=expand(
            f"{LISTS}/{{reranker}}/{{part}}.parquet", reranker=RUN["rerankers"], part=PARTS, allow_missing=True
        ),
    output:
        expand(RANKS, reranker=RUN["rerankers"], part=PARTS, allow_missing=True),
    log:
        "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/evaluate.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/evaluate.tsv"
    wildcard_constraints:
        base_model=names(fusible_base_models()),
    conda:
        "../envs/data.yaml"
    params:
        code=code_digest("evaluate.py"),
    script:
        "../workflow/scripts/evaluate.py"


# The same over a base model without valid lists, on which nothing can be fitted: no fusion.
use rule evaluate as evaluate_unfused with:
    input:
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        lists=expand(f"{LISTS}/{{reranker}}/{{part}}.parquet", reranker=UNFUSED, part=PARTS, allow_missing=True),
    output:
        expand(RANKS, reranker=UNFUSED, part=PARTS, allow_missing=True),
    wildcard_constraints:
        base_model=names(name for name in RUN["base_models"] if name not in fusible_base_models()),


rule tabulate_hits:
    input:
        ranks=all_ranks,
        statistics=f"{PREPARED}/statistics.json",
        counts=f"{PROTOCOL}/split.json",
    output:
        csv=f"{PROTOCOL}/tables/hit_rate.csv",
        md=report(
            f"{PROTOCOL}/tables/hit_rate.md", category="Hit rates", caption="../workflow/report/hit_rate_table.rst"
        ),
    log:
        "results/logs/{dataset}/{protocol}/tables/hit_rate.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/tables/hit_rate.tsv"
    conda:
        "../envs/data.yaml"
    params:
        cutoffs=config["cutoffs"],
        title=DATASET["title"],
        synthetic=DATASET["synthetic"],
        published=DATASET["published"],
        code=code_digest("tabulate_hits.py"),
    script:
        "../workflow/scripts/tabulate_hits.py"
