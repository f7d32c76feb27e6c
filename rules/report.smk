# ranks, tables/*.csv, fusions, training curves, audits -> figures/*.svg -> report.html, config.yaml, tables/*.{md,tex}
# What a person looks at. Seconds and memory are read from the benchmark files that there are; they are no input.


rule plot_figures:
    input:
        **{name: f"{PROTOCOL}/tables/{name}.csv" for name in ("effects", "slices", "cost")},
        ranks=all_ranks,
        hit_rate=f"{PROTOCOL}/tables/hit_rate.csv",
        training=training_tables,
        item_statistics=f"{PROTOCOL}/item_statistics.parquet",
        users=f"{PREPARED}/users.parquet",
    output:
        **report_figures(),
    log:
        "results/logs/{dataset}/{protocol}/figures.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/figures.tsv"
    conda:
        "../envs/report.yaml"
    params:
        settings=figure_settings,
        code=code_digest("plot_figures.py"),
    script:
        "../workflow/scripts/plot_figures.py"


rule report:
    input:
        **{name: f"{PROTOCOL}/tables/{name}.csv" for name in TABLES},
        ranks=all_ranks,
        hit_rate=f"{PROTOCOL}/tables/hit_rate.csv",
        fusions=fusion_descriptions,
        training=training_tables,
        statistics=f"{PREPARED}/statistics.json",
        counts=f"{PROTOCOL}/split.json",
        audit=f"{PROTOCOL}/audit/audit.json",
        figures=[f"{PROTOCOL}/figures/{name}.svg" for name in FIGURES],
    output:
        html=report(f"{PROTOCOL}/report.html", category="Report", caption="../workflow/report/page.rst"),
        verdict=f"{PROTOCOL}/tables/verdict.json",
        config=f"{PROTOCOL}/config.yaml",
        hit_rate_tex=f"{PROTOCOL}/tables/hit_rate.tex",
        effects_md=report(
            f"{PROTOCOL}/tables/effects.md", category="Effects", caption="../workflow/report/effects_table.rst"
        ),
        effects_tex=f"{PROTOCOL}/tables/effects.tex",
    log:
        "results/logs/{dataset}/{protocol}/report.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/report.tsv"
    conda:
        "../envs/report.yaml"
    params:
        settings=report_settings,
        layout=report_layout(),
        code=code_digest("report.py"),
    script:
        "../workflow/scripts/report.py"


# Wants --config runs=[FOLDER,FOLDER], each a results/{dataset}/{protocol} with a finished report.
rule compare:
    input:
        compared_runs(),
    output:
        md="results/comparison/comparison.md",
        csv="results/comparison/comparison.csv",
    log:
        "results/logs/comparison.log",
    benchmark:
        "results/benchmarks/comparison.tsv"
    conda:
        "../envs/report.yaml"
    params:
        runs=config["runs"],
        code=code_digest("compare.py"),
    script:
        "../workflow/scripts/compare.py"
