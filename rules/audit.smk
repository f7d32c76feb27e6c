# {protocol}/split.parquet -> {protocol}_redrawn/split.parquet: held-out items drawn at random, under which the rules
#   of the run make their lists again (models, features and language models are those of the real protocol)
# lists, ranks, texts, answers, redrawn lists -> {protocol}/audit/audit.json, audit.md; fails where an audit fails


rule redraw:
    input:
        interactions=f"{PREPARED}/interactions.parquet",
        split=real_protocol(f"{PROTOCOL}/split.parquet"),
        item_statistics=real_protocol(f"{PROTOCOL}/item_statistics.parquet"),
    output:
        split=f"{PROTOCOL}/split.parquet",
        item_statistics=f"{PROTOCOL}/item_statistics.parquet",
    log:
        "results/logs/{dataset}/{protocol}/redraw.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/redraw.tsv"
    wildcard_constraints:
        protocol=names(REDRAWN),
    conda:
        "../envs/data.yaml"
    params:
        seed=config["audit"]["seed"],
        code=code_digest("redraw.py"),
    script:
        "../workflow/scripts/redraw.py"


rule audit_lists:
    input:
        unpack(redrawn_files),
        unpack(asked_files),
        unpack(tags_in_prompts),
        interactions=f"{PREPARED}/interactions.parquet",
        users=f"{PREPARED}/users.parquet",
        catalogue=f"{PREPARED}/items.parquet",
        comments=f"{PREPARED}/comments.parquet",
        split=f"{PROTOCOL}/split.parquet",
        item_statistics=f"{PROTOCOL}/item_statistics.parquet",
        lists=all_lists,
        ranks=all_ranks,
        texts=run_texts,
    output:
        json=f"{PROTOCOL}/audit/audit.json",
        md=f"{PROTOCOL}/audit/audit.md",
    log:
        "results/logs/{dataset}/{protocol}/audit/audit.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/audit/audit.tsv"
    wildcard_constraints:
        protocol=names(RUN["protocols"]),
    conda:
        "../envs/llm.yaml"
    params:
        cutoffs=config["cutoffs"],
        history=config["history"],
        prompts={name: prompt_of(name) for name in rerankers_of("generative")},
        trained_again=config["audit"]["train"],
        left_out=left_out_of_redrawing(),
        fitted=redrawing.fitted_in_sample(config),
        code=code_digest("audit_lists.py"),
    script:
        "../workflow/scripts/audit_lists.py"


# The target `snakemake audit`: what was looked at and what was found; an audit that fails names its rows and stops.
rule audit:
    input:
        expand(f"{PROTOCOL}/audit/audit.md", dataset=config["dataset"], protocol=RUN["protocols"]),
    log:
        f"results/logs/{config['dataset']}/audit.log",
    conda:
        "../envs/data.yaml"
    shell:
        "cat {input} | tee {log}"
