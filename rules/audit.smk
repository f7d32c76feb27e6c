# {protocol}/split.parquet -> {protocol}_redrawn/split.parquet: held-out items are redrawn at random. The rules of the
#   run make new lists for them; models, features and language models come from the real protocol.
# lists, ranks, texts, answers, redrawn lists -> {protocol}/audit/audit.json, audit.md; the rule fails if an audit fails


rule redraw:
    input:
        interactions=paths.interactions,
        split=plan.real(paths.split),
        item_statistics=plan.real(paths.item_statistics),
    output:
        split=paths.split,
        item_statistics=paths.item_statistics,
    log:
        paths.log("redraw"),
    benchmark:
        paths.benchmark("redraw")
    wildcard_constraints:
        protocol=one_of(plan.audit.protocols),
    conda:
        "../envs/data.yaml"
    params:
        seed=config["audit"]["seed"],
    script:
        "../workflow/scripts/redraw.py"


rule audit_lists:
    input:
        unpack(plan.audit.redrawn),
        unpack(plan.audit.asked),
        unpack(plan.audit.tags),
        interactions=paths.interactions,
        users=paths.users,
        catalogue=paths.items,
        comments=paths.comments,
        split=paths.split,
        item_statistics=paths.item_statistics,
        lists=plan.report.lists,
        ranks=plan.report.ranks,
        texts=plan.audit.texts,
    output:
        json=fill(paths.audit, kind="json"),
        md=fill(paths.audit, kind="md"),
    log:
        paths.log("audit_lists"),
    benchmark:
        paths.benchmark("audit_lists")
    wildcard_constraints:
        protocol=one_of(chosen.protocols),
    conda:
        "../envs/llm.yaml"
    params:
        cutoffs=config["cutoffs"],
        history=config["history"],
        prompts=plan.asking.prompts(),
        trained_again=config["audit"]["train"],
        left_out=plan.audit.left_out(),
        fitted=plan.audit.fitted,
    script:
        "../workflow/scripts/audit_lists.py"


# The target `snakemake audit`: what was checked and found. A failed audit names its rows and stops the run.
rule audit:
    input:
        plan.report.target(fill(paths.audit, kind="md")),
    log:
        fill(paths.log("audit"), dataset=config["dataset"]),
    conda:
        "../envs/data.yaml"
    shell:
        "cat {input} | tee {log}"
