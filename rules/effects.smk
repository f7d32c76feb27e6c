# ranks -> tables/effects.csv
# Every re-ranker against its base and a fusion against its twin: intervals, tests, one adjusted family per protocol.


rule measure_effects:
    input:
        ranks=all_ranks,
    output:
        effects=f"{PROTOCOL}/tables/effects.csv",
    log:
        "results/logs/{dataset}/{protocol}/tables/effects.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/tables/effects.tsv"
    conda:
        "../envs/data.yaml"
    params:
        cutoffs=config["cutoffs"],
        twins=settings.twins(config),
        inert=fusion_options.inert(config),
        resamples=config["resamples"],
        code=code_digest("measure_effects.py"),
    script:
        "../workflow/scripts/measure_effects.py"
