# prepared/ + split.parquet, valid lists -> search/{models,rerankers}/{name}/trials.json -> tables/search.csv, search.md
# `snakemake search` looks for better settings of the models and fusions of the run that have ranges in `search`. Trials
# are judged on valid. No step here reads a held-out item of test.
# Finished trials stay in files beside trials.json: a killed search continues, and a longer one adds to a shorter one.


rule search_model:
    input:
        interactions=paths.interactions,
        split=paths.split,
        features=plan.features.of_base_model,
        descriptions=plan.features.descriptions_of_base_model,
    output:
        trials=paths.searched_model,
    log:
        paths.log("search_model"),
    benchmark:
        paths.benchmark("search_model")
    wildcard_constraints:
        protocol=one_of(chosen.protocols),
        base_model=one_of(plan.search.models),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        block=plan.search.block,
        search_settings=plan.search.of_model,
        threads=config["threads"],
        deterministic=config["deterministic"],
    script:
        "../workflow/scripts/search_model.py"


rule search_fusion:
    input:
        unpack(plan.search.lists),
        interactions=paths.interactions,
        split=paths.split,
        item_statistics=paths.item_statistics,
        catalogue=paths.items,
        matrices=plan.search.matrices,
        texts=plan.search.texts,
    output:
        trials=paths.searched_fusion,
    log:
        paths.log("search_fusion"),
    benchmark:
        paths.benchmark("search_fusion")
    wildcard_constraints:
        protocol=one_of(chosen.protocols),
        reranker=one_of(plan.search.fusions),
    conda:
        "../envs/fuse.yaml"
    threads: config["threads"]
    params:
        fusion=plan.search.fusion,
        search_settings=plan.search.of_fusion,
        history=config["history"],
        threads=config["threads"],
    script:
        "../workflow/scripts/search_fusion.py"


rule tabulate_search:
    input:
        trials=plan.search.results,
    output:
        csv=fill(paths.table, table="search", kind="csv"),
        md=fill(paths.table, table="search", kind="md"),
    log:
        paths.log("tabulate_search"),
    benchmark:
        paths.benchmark("tabulate_search")
    wildcard_constraints:
        protocol=one_of(chosen.protocols),
    conda:
        "../envs/data.yaml"
    params:
        searched=plan.search.searched(),
        not_searched=plan.search.not_searched,
        over=plan.search.over,
        command=plan.search.command(workflow.overwrite_configfiles),
    script:
        "../workflow/scripts/tabulate_search.py"


# The target `snakemake search`: the best trials, and the settings to copy.
rule search:
    input:
        plan.report.target(fill(paths.table, table="search", kind="md")),
    log:
        fill(paths.log("search"), dataset=config["dataset"]),
    conda:
        "../envs/data.yaml"
    shell:
        "cat {input} | tee {log}"
