# lists, ranks, answers -> tables/{list_quality,slices,gaps,positions,answers,cost}.csv
# Beyond accuracy: what lists hold, for whom they work, how language models answer, and what they cost.


rule describe_lists:
    input:
        files_of_lists,
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        users=f"{PREPARED}/users.parquet",
        vectors=diversity_vectors,
    output:
        **{
            name: f"{PROTOCOL}/tables/{name}.csv"
            for name in ("list_quality", "slices", "gaps", "positions", "answers", "cost")
        },
    log:
        "results/logs/{dataset}/{protocol}/tables/describe_lists.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/tables/describe_lists.tsv"
    conda:
        "../envs/data.yaml"
    params:
        places=places_of_lists,
        feature=fields.diversity_feature(config),
        cutoffs=config["cutoffs"],
        prices=price_of_lists,
        code=code_digest("describe_lists.py"),
    script:
        "../workflow/scripts/describe_lists.py"
