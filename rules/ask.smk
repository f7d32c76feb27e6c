# lists/{base_model}/seed{seed}/identity/ -> lists/{base_model}/seed{seed}/{reranker}/{valid,test}.answers.parquet
# -> {valid,test}.parquet, {valid,test}.parsing.parquet
# Asking costs money and is done once; reading the answers is free and is a rule of its own.
# Budgets, rates and prices are resources, no params: they cannot change an answer, and must not ask again.


rule ask_llm:
    input:
        unpack(prompt_inputs),
        valid=f"{LISTS}/identity/valid.parquet",
        test=f"{LISTS}/identity/test.parquet",
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        catalogue=f"{PREPARED}/items.parquet",
        weights=own_language_model,
    output:
        valid=f"{LISTS}/{{reranker}}/valid.answers.parquet",
        test=f"{LISTS}/{{reranker}}/test.answers.parquet",
        ledger=f"{LISTS}/{{reranker}}/ledger.json",
    log:
        "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.ask.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.ask.tsv"
    wildcard_constraints:
        reranker=names(asked_by_request()),
    conda:
        "../envs/llm.yaml"
    threads: config["threads"]
    resources:
        limits=lambda wildcards: json.dumps(llm.limits(llm.chat_model_of(config, wildcards.reranker))),
        prices=lambda wildcards: json.dumps(llm.price_of(PRICES, llm.chat_model_of(config, wildcards.reranker))),
    params:
        about=about_list,
        options=asking_options,
        chat_model=asked_chat_model,
        prompt=lambda wildcards: prompt_of(wildcards.reranker),
        history=config["history"],
        code=asking_code,
    script:
        "../workflow/scripts/ask_llm.py"


# The same in this process: not a service that is waited for, but work for a GPU.
use rule ask_llm as ask_in_process with:
    wildcard_constraints:
        reranker=names(asked_in_process()),


rule parse_answers:
    input:
        valid=f"{LISTS}/identity/valid.parquet",
        test=f"{LISTS}/identity/test.parquet",
        valid_answers=f"{LISTS}/{{reranker}}/valid.answers.parquet",
        test_answers=f"{LISTS}/{{reranker}}/test.answers.parquet",
    output:
        valid=f"{LISTS}/{{reranker}}/valid.parquet",
        test=f"{LISTS}/{{reranker}}/test.parquet",
        valid_parsing=f"{LISTS}/{{reranker}}/valid.parsing.parquet",
        test_parsing=f"{LISTS}/{{reranker}}/test.parsing.parquet",
    log:
        "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.tsv"
    wildcard_constraints:
        reranker=names(rerankers_of("generative")),
    conda:
        "../envs/data.yaml"
    params:
        about=about_list,
        options=asking_options,
        code=code_digest("parse_answers.py"),
    script:
        "../workflow/scripts/parse_answers.py"


rule estimate_requests:
    input:
        unpack(all_prompt_inputs),
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
        catalogue=f"{PREPARED}/items.parquet",
        lists=expand(
            f"{LISTS}/identity/{{part}}.parquet",
            base_model=RUN["base_models"],
            seed=RUN["seeds"],
            part=PARTS,
            allow_missing=True,
        ),
    output:
        csv=f"{PROTOCOL}/tables/estimate.csv",
        md=f"{PROTOCOL}/tables/estimate.md",
    log:
        "results/logs/{dataset}/{protocol}/tables/estimate.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/tables/estimate.tsv"
    conda:
        "../envs/llm.yaml"
    params:
        rerankers={name: what_is_asked(name) for name in rerankers_of("generative")},
        history=config["history"],
        code=code_digest("estimate_requests.py"),
    script:
        "../workflow/scripts/estimate_requests.py"


# The target `snakemake estimate`: requests, tokens and dollars before a single call.
rule estimate:
    input:
        expand(
            f"{PROTOCOL}/tables/estimate.md", dataset=config["dataset"], protocol=RUN["protocols"], allow_missing=True
        ),
    log:
        f"results/logs/{config['dataset']}/estimate.log",
    conda:
        "../envs/data.yaml"
    shell:
        "cat {input} | tee {log}"
