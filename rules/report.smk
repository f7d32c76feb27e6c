# ranks -> figures/hit_rate.svg
# What a person looks at.


rule plot_hit_rate:
    input:
        ranks=all_ranks,
    output:
        figure=report(
            f"{PROTOCOL}/figures/hit_rate.svg", category="Hit rates", caption="../workflow/report/hit_rate.rst"
        ),
    log:
        "results/logs/{dataset}/{protocol}/figures/hit_rate.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/figures/hit_rate.tsv"
    conda:
        "../envs/report.yaml"
    params:
        cutoffs=config["cutoffs"],
        title=DATASET["title"],
        synthetic=DATASET["synthetic"],
        code=code_digest("plot_hit_rate.py"),
    script:
        "../workflow/scripts/plot_hit_rate.py"
