# lists/{base_model}/seed{seed}/identity/ -> lists/{base_model}/seed{seed}/{reranker}/{valid,test}.answers.parquet
# -> {valid,test}.parquet, {valid,test}.parsing.parquet
# Asking costs money and is done once. Parsing the answers is free, so it is a separate rule.
# Budgets, rates and prices are resources, not params: they cannot change an answer, so a change must not ask again.


rule ask_llm:
    input:
        unpack(plan.asking.shown),
        **by_split(paths.base_lists),
        interactions=paths.interactions,
        split=paths.split,
        catalogue=paths.items,
        weights=plan.asking.model_files,
    output:
        **by_split(paths.answers),
        ledger=paths.ledger,
    log:
        paths.log("ask"),
    benchmark:
        paths.benchmark("ask")
    wildcard_constraints:
        reranker=one_of(plan.asking.by_request),
    conda:
        "../envs/llm.yaml"
    threads: config["threads"]
    resources:
        limits=plan.asking.limits,
        prices=plan.asking.price,
    params:
        about=plan.lists.about,
        options=plan.asking.options,
        chat_model=plan.asking.chat_model,
        prompt=plan.asking.prompt,
        history=config["history"],
    script:
        "../workflow/scripts/ask_llm.py"


# The same with a model in the job's own process: it computes on a GPU and does not wait for a service.
use rule ask_llm as ask_in_process with:
    wildcard_constraints:
        reranker=one_of(plan.asking.in_process),


rule parse_answers:
    input:
        **by_split(paths.base_lists),
        **by_split(paths.answers, "{split}_answers"),
    output:
        **by_split(paths.lists),
        **by_split(paths.parsing, "{split}_parsing"),
    log:
        paths.log("rerank"),
    benchmark:
        paths.benchmark("rerank")
    wildcard_constraints:
        reranker=one_of(chosen.asked),
    conda:
        "../envs/data.yaml"
    params:
        about=plan.lists.about,
        options=plan.asking.options,
    script:
        "../workflow/scripts/parse_answers.py"


rule estimate_requests:
    input:
        unpack(plan.asking.shown_by_all),
        interactions=paths.interactions,
        split=paths.split,
        catalogue=paths.items,
        lists=plan.asking.base_lists,
    output:
        csv=fill(paths.table, table="estimate", kind="csv"),
        md=fill(paths.table, table="estimate", kind="md"),
    log:
        paths.log("estimate_requests"),
    benchmark:
        paths.benchmark("estimate_requests")
    conda:
        "../envs/llm.yaml"
    params:
        rerankers=plan.asking.estimated(),
        history=config["history"],
    script:
        "../workflow/scripts/estimate_requests.py"


# The target `snakemake estimate`: requests, tokens and dollars before any request is sent.
rule estimate:
    input:
        plan.report.target(fill(paths.table, table="estimate", kind="md")),
    log:
        fill(paths.log("estimate"), dataset=config["dataset"]),
    conda:
        "../envs/data.yaml"
    shell:
        "cat {input} | tee {log}"
