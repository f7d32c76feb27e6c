# lists/{base_model}/seed{seed}/{reranker}/{split}.{i}-of-{n}.parquet -> lists/{base_model}/seed{seed}/{reranker}/{split}.parquet
# With `user_shards` above 1, base lists and rules that run a model in the job are split into that many jobs, each for
# some of the users. The result has the same bytes for any number. Rules that ask a service are not split, because one
# job must control rate and budget.

if plan.shards.n > 1:

    ruleorder: gather_base_lists > recommend
    ruleorder: gather_lists > rerank_on_gpu
    ruleorder: gather_answers > ask_in_process

    use rule recommend as recommend_shard with:
        output:
            **{split: temp(path) for split, path in by_split(shard_of(paths.base_lists)).items()},
        log:
            shard_of(paths.log("recommend")),
        benchmark:
            shard_of(paths.benchmark("recommend"))

    use rule rerank_on_gpu as rerank_on_gpu_shard with:
        output:
            **{split: temp(path) for split, path in by_split(shard_of(paths.lists)).items()},
        log:
            shard_of(paths.log("rerank")),
        benchmark:
            shard_of(paths.benchmark("rerank"))

    use rule ask_in_process as ask_in_process_shard with:
        output:
            **{split: temp(path) for split, path in by_split(shard_of(paths.answers)).items()},
            ledger=temp(shard_of(paths.ledger)),
        log:
            shard_of(paths.log("ask")),
        benchmark:
            shard_of(paths.benchmark("ask"))

    rule gather_base_lists:
        input:
            **plan.shards.by_split(paths.base_lists, "{split}_shards"),
        output:
            **by_split(paths.base_lists),
        log:
            paths.log("recommend"),
        benchmark:
            gathered_from(paths.benchmark("recommend"), plan.shards.n)
        wildcard_constraints:
            base_model=one_of(chosen.trained),
        conda:
            "../envs/data.yaml"
        params:
            of_shards=plan.shards.params_of(rules.recommend),
        script:
            "../workflow/scripts/gather_lists.py"

    rule gather_lists:
        input:
            **by_split(paths.base_lists),
            **plan.shards.by_split(paths.lists, "{split}_shards"),
        output:
            **by_split(paths.lists),
        log:
            paths.log("rerank"),
        benchmark:
            gathered_from(paths.benchmark("rerank"), plan.shards.n)
        wildcard_constraints:
            reranker=one_of(plan.reranking.heavy),
        conda:
            "../envs/data.yaml"
        params:
            of_shards=plan.shards.params_of(rules.rerank_on_gpu),
        script:
            "../workflow/scripts/gather_lists.py"

    rule gather_answers:
        input:
            **plan.shards.by_split(paths.answers),
            ledger=plan.shards.all_of(paths.ledger),
        output:
            **by_split(paths.answers),
            ledger=paths.ledger,
        log:
            paths.log("ask"),
        benchmark:
            gathered_from(paths.benchmark("ask"), plan.shards.n)
        wildcard_constraints:
            reranker=one_of(plan.asking.in_process),
        conda:
            "../envs/data.yaml"
        params:
            of_shards=plan.shards.params_of(rules.ask_in_process),
        script:
            "../workflow/scripts/gather_answers.py"
