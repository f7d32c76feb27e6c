# models/{base_model}/seed{seed}/, or a file of lists -> lists/{base_model}/seed{seed}/identity/{valid,test}.parquet
# Base lists have the re-ranker name `identity`: the best `candidates` unseen items of each user, from a model that
# this run trains, from an external recommender (type `external`), or from several base lists (type `union`).


rule recommend:
    input:
        interactions=paths.interactions,
        split=paths.split,
        weights=plan.learned(paths.model_weights),
        description=plan.learned(paths.model_description),
    output:
        **by_split(paths.base_lists),
    log:
        paths.log("recommend"),
    benchmark:
        paths.benchmark("recommend")
    wildcard_constraints:
        base_model=one_of(chosen.trained),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        about=plan.lists.about_base,
        history=config["history"],
        precision=config["scoring_precision"],
        threads=config["threads"],
        deterministic=config["deterministic"],
    script:
        "../workflow/scripts/recommend.py"


rule import_lists:
    input:
        unpack(plan.external_lists),
        interactions=paths.interactions,
        split=paths.split,
        users=paths.users,
        catalogue=paths.items,
    output:
        **by_split(paths.base_lists),
        counts=paths.import_counts,
    log:
        paths.log("import_lists"),
    benchmark:
        paths.benchmark("import_lists")
    wildcard_constraints:
        base_model=one_of(chosen.external),
    conda:
        "../envs/data.yaml"
    params:
        about=plan.lists.about_base,
        cutoff=max(config["cutoffs"]),
    script:
        "../workflow/scripts/import_lists.py"


rule unite_lists:
    input:
        unpack(plan.parts),
    output:
        **by_split(paths.base_lists),
    log:
        paths.log("unite_lists"),
    benchmark:
        paths.benchmark("unite_lists")
    wildcard_constraints:
        base_model=one_of(chosen.united),
    conda:
        "../envs/data.yaml"
    params:
        about=plan.lists.about_base,
        quotas=plan.quotas,
    script:
        "../workflow/scripts/unite_lists.py"
