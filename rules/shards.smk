# lists/{base_model}/seed{seed}/{reranker}/{part}.{i}-of-{n}.parquet -> lists/{base_model}/seed{seed}/{reranker}/{part}.parquet
# With `user_shards` above 1, what is heavy and goes by users is made in so many jobs, each of a part of the users:
# base lists, language models in process, texts of histories. Any number makes the same bytes. The rules that ask a
# service are not spread: one job each keeps to its rate and budget.

if config["user_shards"] > 1:

    scattergather:
        users=config["user_shards"],

    ruleorder: gather_base_lists > recommend
    ruleorder: gather_lists > rerank_by_history_text
    ruleorder: gather_lists > rerank_by_likelihood
    ruleorder: gather_answers > ask_in_process

    use rule recommend as recommend_shard with:
        output:
            valid=user_shard(f"{LISTS}/identity/valid.parquet"),
            test=user_shard(f"{LISTS}/identity/test.parquet"),
        log:
            "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/recommend.{scatteritem}.log",
        benchmark:
            "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/recommend.{scatteritem}.tsv"

    use rule rerank_by_history_text as rerank_by_history_text_shard with:
        output:
            valid=user_shard(f"{LISTS}/{{reranker}}/valid.parquet"),
            test=user_shard(f"{LISTS}/{{reranker}}/test.parquet"),
        log:
            "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.{scatteritem}.log",
        benchmark:
            "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.{scatteritem}.tsv"

    use rule rerank_by_likelihood as rerank_by_likelihood_shard with:
        output:
            valid=user_shard(f"{LISTS}/{{reranker}}/valid.parquet"),
            test=user_shard(f"{LISTS}/{{reranker}}/test.parquet"),
        log:
            "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.{scatteritem}.log",
        benchmark:
            "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.{scatteritem}.tsv"

    use rule ask_in_process as ask_in_process_shard with:
        output:
            valid=user_shard(f"{LISTS}/{{reranker}}/valid.answers.parquet"),
            test=user_shard(f"{LISTS}/{{reranker}}/test.answers.parquet"),
            ledger=user_shard(f"{LISTS}/{{reranker}}/ledger.json"),
        log:
            "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.ask.{scatteritem}.log",
        benchmark:
            "results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.ask.{scatteritem}.tsv"

    rule gather_base_lists:
        input:
            valid_shards=gather.users(user_shards(f"{LISTS}/identity/valid.parquet")),
            test_shards=gather.users(user_shards(f"{LISTS}/identity/test.parquet")),
        output:
            valid=f"{LISTS}/identity/valid.parquet",
            test=f"{LISTS}/identity/test.parquet",
        log:
            "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/recommend.log",
        benchmark:
            gathering("results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/recommend")
        wildcard_constraints:
            base_model=names(base_models(external=False)),
        conda:
            "../envs/data.yaml"
        params:
            of_shards=lambda wildcards: params_of(rules.recommend, wildcards),
            code=code_digest("gather_lists.py"),
        script:
            "../workflow/scripts/gather_lists.py"

    rule gather_lists:
        input:
            valid=f"{LISTS}/identity/valid.parquet",
            test=f"{LISTS}/identity/test.parquet",
            valid_shards=gather.users(user_shards(f"{LISTS}/{{reranker}}/valid.parquet")),
            test_shards=gather.users(user_shards(f"{LISTS}/{{reranker}}/test.parquet")),
        output:
            valid=f"{LISTS}/{{reranker}}/valid.parquet",
            test=f"{LISTS}/{{reranker}}/test.parquet",
        log:
            "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.log",
        benchmark:
            gathering("results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}")
        wildcard_constraints:
            reranker=names(sum(SHARDED.values(), [])),
        conda:
            "../envs/data.yaml"
        params:
            of_shards=params_of_reranker,
            code=code_digest("gather_lists.py"),
        script:
            "../workflow/scripts/gather_lists.py"

    rule gather_answers:
        input:
            valid_shards=gather.users(user_shards(f"{LISTS}/{{reranker}}/valid.answers.parquet")),
            test_shards=gather.users(user_shards(f"{LISTS}/{{reranker}}/test.answers.parquet")),
            ledger_shards=gather.users(user_shards(f"{LISTS}/{{reranker}}/ledger.json")),
        output:
            valid=f"{LISTS}/{{reranker}}/valid.answers.parquet",
            test=f"{LISTS}/{{reranker}}/test.answers.parquet",
            ledger=f"{LISTS}/{{reranker}}/ledger.json",
        log:
            "results/logs/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.ask.log",
        benchmark:
            gathering("results/benchmarks/{dataset}/{protocol}/lists/{base_model}/seed{seed}/{reranker}.ask")
        wildcard_constraints:
            reranker=names(asked_in_process()),
        conda:
            "../envs/data.yaml"
        params:
            of_shards=lambda wildcards: params_of(rules.ask_in_process, wildcards),
            code=code_digest("gather_answers.py"),
        script:
            "../workflow/scripts/gather_answers.py"
