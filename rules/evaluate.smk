# config -> audit/plan.json
# lists/{base_model}/seed{seed}/*/ -> .../{valid,test}.ranks.parquet -> tables/hit_rate.{csv,md}, effects.csv, ladder.csv
# lists, ranks, answers -> tables/{list_quality,slices,gaps,positions,answers,cost}.csv
# Ranks have one number per user, the rank of the held-out item. Hit rates, effects and slices are computed from them.
# Tables beyond accuracy: content of lists, quality for groups of users, behaviour and cost of language models.


# The primary test. Ranks keep the digest of the plan that they were scored under, so a later plan is noticed.
rule write_plan:
    output:
        test_plan=paths.test_plan,
    log:
        paths.log("write_plan"),
    benchmark:
        paths.benchmark("write_plan")
    wildcard_constraints:
        protocol=one_of(chosen.protocols),
    conda:
        "../envs/data.yaml"
    params:
        primary=plan.report.primary_test,
        cutoffs=config["cutoffs"],
    script:
        "../workflow/scripts/write_plan.py"


rule evaluate:
    input:
        plan=ancient(paths.test_plan),
        interactions=paths.interactions,
        split=paths.split,
        lists=every(paths.lists, reranker=chosen.rerankers, split=PREDICTED),
    output:
        ranks=every(paths.ranks, reranker=chosen.rerankers, split=PREDICTED),
    log:
        paths.log("evaluate"),
    benchmark:
        paths.benchmark("evaluate")
    wildcard_constraints:
        base_model=one_of(chosen.fusible),
    conda:
        "../envs/data.yaml"
    script:
        "../workflow/scripts/evaluate.py"


# The same without fusions, for base models without valid lists to fit on.
use rule evaluate as evaluate_unfused with:
    input:
        plan=ancient(paths.test_plan),
        interactions=paths.interactions,
        split=paths.split,
        lists=every(paths.lists, reranker=chosen.unfused, split=PREDICTED),
    output:
        ranks=every(paths.ranks, reranker=chosen.unfused, split=PREDICTED),
    wildcard_constraints:
        base_model=one_of(chosen.unfusible),


rule tabulate_hits:
    input:
        ranks=plan.report.ranks,
        statistics=paths.statistics,
        counts=paths.split_counts,
    output:
        csv=fill(paths.table, table="hit_rate", kind="csv"),
        md=report(
            fill(paths.table, table="hit_rate", kind="md"),
            category="Hit rates",
            caption="../workflow/report/hit_rate_table.rst",
        ),
    log:
        paths.log("tabulate_hits"),
    benchmark:
        paths.benchmark("tabulate_hits")
    conda:
        "../envs/data.yaml"
    params:
        cutoffs=config["cutoffs"],
        title=plan.raw.dataset["title"],
        synthetic=plan.raw.dataset["synthetic"],
        published=plan.raw.dataset["published"],
    script:
        "../workflow/scripts/tabulate_hits.py"


# Every list against its base list, and every rung of the ladder against those below: intervals, and two families of tests.
rule measure_effects:
    input:
        ranks=plan.report.ranks,
    output:
        effects=fill(paths.table, table="effects", kind="csv"),
        ladder=fill(paths.table, table="ladder", kind="csv"),
    log:
        paths.log("measure_effects"),
    benchmark:
        paths.benchmark("measure_effects")
    conda:
        "../envs/data.yaml"
    params:
        cutoffs=config["cutoffs"],
        comparisons=plan.report.comparisons(),
        contenders=plan.report.contenders(),
        primary={side: config["primary_test"][side] for side in ("list", "against")},
        inert=fusions.inert(config),
        resamples=config["resamples"],
    script:
        "../workflow/scripts/measure_effects.py"


rule describe_lists:
    input:
        lists=plan.report.files_of_lists,
        interactions=paths.interactions,
        split=paths.split,
        users=paths.users,
        vectors=plan.features.of_diversity,
    output:
        **plan.report.described_tables(),
    log:
        paths.log("describe_lists"),
    benchmark:
        paths.benchmark("describe_lists")
    conda:
        "../envs/data.yaml"
    params:
        places=plan.report.places,
        feature=plan.report.diversity_feature(),
        cutoffs=config["cutoffs"],
        prices=plan.asking.price_of_each(),
    script:
        "../workflow/scripts/describe_lists.py"
