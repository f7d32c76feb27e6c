# lists, models, fitted fusions -> {protocol}/audit/rescored/{base_model}/seed{seed}/{lists,fusions}.json
# lists, ranks, texts, answers, rescored -> {protocol}/audit/audit.json, audit.md, before each report
# {protocol}/split.parquet -> {protocol}_redrawn/split.parquet -> {protocol}/audit/redrawn.json, redrawn.md, only for the
#   target `audit`: held-out items are redrawn, and the rules of the run make new lists for them; models, features and
#   language models come from the real protocol.
# A rule fails if its audit fails.


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


# What the run used scores some users again with other held-out items: no byte may change. One job for each base list.
rule rescore_lists:
    input:
        unpack(plan.audit.list_inputs),
    output:
        rows=fill(paths.rescored, what="lists"),
    log:
        paths.log("rescore_lists"),
    benchmark:
        paths.benchmark("rescore_lists")
    wildcard_constraints:
        protocol=one_of(chosen.protocols),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        rerankers=plan.audit.rerankers,
        history=config["history"],
        precision=config["scoring_precision"],
        audit_settings=plan.audit.settings(),
    script:
        "../workflow/scripts/rescore_lists.py"


rule rescore_fusions:
    input:
        unpack(plan.fusing.signal_lists),
        unpack(plan.audit.fusion_inputs),
        interactions=paths.interactions,
        split=paths.split,
        item_statistics=paths.item_statistics,
        catalogue=paths.items,
        matrices=plan.fusing.matrices,
        texts=plan.fusing.texts,
    output:
        rows=fill(paths.rescored, what="fusions"),
    log:
        paths.log("rescore_fusions"),
    benchmark:
        paths.benchmark("rescore_fusions")
    wildcard_constraints:
        protocol=one_of(chosen.protocols),
        base_model=one_of(plan.audit.rescored_fusions),
    conda:
        "../envs/fuse.yaml"
    threads: config["threads"]
    params:
        fusions=plan.fusing.blocks,
        signals=plan.fusing.signals,
        features=plan.fusing.similarities,
        words=plan.fusing.words,
        history=config["history"],
        audit_settings=plan.audit.settings(),
    script:
        "../workflow/scripts/rescore_fusions.py"


rule audit_lists:
    input:
        unpack(plan.audit.asked),
        unpack(plan.audit.tags),
        rescored=plan.audit.rescored,
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
        left_out=plan.audit.not_rescored(),
    script:
        "../workflow/scripts/audit_lists.py"


rule audit_redrawn:
    input:
        unpack(plan.audit.redrawn),
        interactions=paths.interactions,
        catalogue=paths.items,
    output:
        json=fill(paths.redrawn_audit, kind="json"),
        md=fill(paths.redrawn_audit, kind="md"),
    log:
        paths.log("audit_redrawn"),
    benchmark:
        paths.benchmark("audit_redrawn")
    wildcard_constraints:
        protocol=one_of(chosen.protocols),
    conda:
        "../envs/data.yaml"
    params:
        cutoffs=config["cutoffs"],
        trained_again=config["audit"]["train"],
        left_out=plan.audit.left_out(),
        fitted=plan.audit.fitted,
    script:
        "../workflow/scripts/audit_redrawn.py"


# The target `snakemake audit`: what was checked and found. A failed audit names its rows and stops the run.
rule audit:
    input:
        plan.report.target(fill(paths.audit, kind="md")),
        plan.report.target(fill(paths.redrawn_audit, kind="md")),
    log:
        fill(paths.log("audit"), dataset=config["dataset"]),
    conda:
        "../envs/data.yaml"
    shell:
        "cat {input} | tee {log}"
