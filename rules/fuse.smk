# lists/{base_model}/seed{seed}/{identity, signals}/ -> lists/{base_model}/seed{seed}/{fusion}/{valid,test}.parquet, fusion.json,
#   fitted.json.gz (what scores the lists; the audit reads it)
# One job makes all fusions over a base list, with the rungs of their ladder; they are fitted on valid only.


rule fuse:
    input:
        unpack(plan.fusing.signal_lists),
        **by_split(paths.base_lists),
        interactions=paths.interactions,
        split=paths.split,
        item_statistics=paths.item_statistics,
        catalogue=paths.items,
        matrices=plan.fusing.matrices,
        texts=plan.fusing.texts,
    output:
        **{split: every(path, reranker=chosen.fusions) for split, path in by_split(paths.lists).items()},
        description=every(paths.fusion, reranker=chosen.fusions),
        fitted=every(paths.fitted, reranker=chosen.fusions),
    log:
        paths.log("fuse"),
    benchmark:
        paths.benchmark("fuse")
    wildcard_constraints:
        base_model=one_of(plan.fusing.base_models),
    conda:
        "../envs/fuse.yaml"
    threads: config["threads"]
    params:
        fusions=plan.fusing.blocks,
        signals=plan.fusing.signals,
        features=plan.fusing.similarities,
        words=plan.fusing.words,
        history=config["history"],
        threads=config["threads"],
    script:
        "../workflow/scripts/fuse.py"
