# prepared/comments.parquet, pictures -> {protocol}/texts/{field}.parquet (a text per item)
# prepared/items.parquet, texts, raw pictures or published matrices
#   -> {place}/{encoder}/{field}.npy (row = item index), {field}.json -> {protocol}/tables/features.{csv,md}
# Each item is encoded once, whichever rules read it. A place is `features`, or `{protocol}/features` for features that
# depend on training interactions. Each shard is encoded by its own job and renamed when complete; one job joins them.


rule gather_comments:
    input:
        comments=paths.comments,
        interactions=paths.interactions,
        split=paths.split,
    output:
        texts=fill(paths.texts, field="comments"),
    log:
        paths.log("gather_comments"),
    benchmark:
        paths.benchmark("gather_comments")
    conda:
        "../envs/data.yaml"
    params:
        most_recent=config["comments_per_item"],
    script:
        "../workflow/scripts/gather_comments.py"


# Uses the encoder and the matrix of the image feature.
rule tag_images:
    input:
        catalogue=paths.items,
        item_statistics=paths.item_statistics,
        matrix=plan.features.of_tags,
        weights=plan.features.weights_of_tags,
        given=plan.features.given_files_of_tags,
    output:
        texts=paths.texts,
    log:
        paths.log("tag_images"),
    benchmark:
        paths.benchmark("tag_images")
    wildcard_constraints:
        field=one_of(config["tags"]),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        tags=plan.features.tags,
        block=plan.features.block_of_tags,
        threads=config["threads"],
    script:
        "../workflow/scripts/tag_images.py"


rule embed_text:
    input:
        texts=plan.features.texts,
        weights=plan.features.encoder_weights,
        given=plan.features.given_files,
    output:
        path=temp(paths.feature_shard),
    log:
        shard_of(paths.log("feature")),
    benchmark:
        shard_of(paths.benchmark("feature"))
    wildcard_constraints:
        field=one_of(plan.features.text_fields),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        fields=plan.features.source_fields,
        block=plan.features.block,
        threads=config["threads"],
    script:
        "../workflow/scripts/embed_text.py"


rule embed_images:
    input:
        catalogue=paths.items,
        folder=plan.features.images,
        weights=plan.features.encoder_weights,
        given=plan.features.given_files,
    output:
        path=temp(paths.feature_shard),
    log:
        shard_of(paths.log("feature")),
    benchmark:
        shard_of(paths.benchmark("feature"))
    wildcard_constraints:
        field=one_of(plan.features.image_fields),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        block=plan.features.block,
        threads=config["threads"],
    script:
        "../workflow/scripts/embed_images.py"


# Shards are temporary, so everything that determines them is also a param or input here: a change must rerun this rule.
rule gather_features:
    input:
        shards=shards_of(paths.feature_shard, config["item_shards"]),
        given=plan.features.given_files,
    output:
        matrix=paths.features,
        about=paths.feature_description,
    log:
        paths.log("feature"),
    benchmark:
        gathered_from(paths.benchmark("feature"), config["item_shards"])
    wildcard_constraints:
        encoder=one_of(plan.features.computed_encoders),
    conda:
        "../envs/data.yaml"
    params:
        fields=plan.features.source_fields,
        block=plan.features.block,
        threads=config["threads"],
    script:
        "../workflow/scripts/gather_features.py"


rule import_features:
    input:
        catalogue=paths.items,
        own=plan.features.own_matrix,
    output:
        matrix=paths.features,
        about=paths.feature_description,
    log:
        paths.log("feature"),
    benchmark:
        paths.benchmark("feature")
    wildcard_constraints:
        encoder=one_of(plan.features.read_encoders),
    conda:
        "../envs/data.yaml"
    params:
        block=plan.features.block,
        expected_items=plan.raw.dataset["expected"].get("items"),
    script:
        "../workflow/scripts/import_features.py"


# TF-IDF of a text field, as wide as another encoder's matrix if the block names one.
rule embed_words:
    input:
        texts=plan.features.texts,
        width_of=plan.features.source_description,
    output:
        matrix=paths.features,
        about=paths.feature_description,
    log:
        paths.log("feature"),
    benchmark:
        paths.benchmark("feature")
    wildcard_constraints:
        encoder=one_of(plan.features.words_encoders),
    conda:
        "../envs/data.yaml"
    threads: config["threads"]
    params:
        fields=plan.features.source_fields,
        block=plan.features.block,
        threads=config["threads"],
    script:
        "../workflow/scripts/embed_words.py"


# Depends on the popularity of items in training, so on the split.
rule permute_features:
    input:
        source=plan.features.source_matrix,
        about_source=plan.features.source_description,
        item_statistics=plan.features.item_statistics,
    output:
        matrix=paths.features,
        about=paths.feature_description,
    log:
        paths.log("feature"),
    benchmark:
        paths.benchmark("feature")
    wildcard_constraints:
        encoder=one_of(plan.features.permuted_encoders),
    conda:
        "../envs/data.yaml"
    params:
        block=plan.features.block,
    script:
        "../workflow/scripts/permute_features.py"


rule tabulate_features:
    input:
        descriptions=plan.features.descriptions,
        clip_reports=plan.features.clip_reports,
    output:
        csv=fill(paths.table, table="features", kind="csv"),
        md=fill(paths.table, table="features", kind="md"),
    log:
        paths.log("tabulate_features"),
    benchmark:
        paths.benchmark("tabulate_features")
    conda:
        "../envs/data.yaml"
    params:
        title=plan.report.title(),
    script:
        "../workflow/scripts/tabulate_features.py"
