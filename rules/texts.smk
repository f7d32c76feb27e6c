# prepared/comments.parquet, pictures -> {protocol}/texts/{field}.parquet (a text per item)
# prepared/items.parquet, covers -> {protocol}/clip/{encoder}/weights.safetensors, clip.json
# What is learned from, or made of, training interactions before items are encoded.


rule gather_comments:
    input:
        comments=f"{PREPARED}/comments.parquet",
        interactions=f"{PREPARED}/interactions.parquet",
        split=f"{PROTOCOL}/split.parquet",
    output:
        texts=f"{TEXTS}/comments.parquet",
    log:
        "results/logs/{dataset}/{protocol}/texts/comments.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/texts/comments.tsv"
    conda:
        "../envs/data.yaml"
    params:
        most_recent=config["comments_per_item"],
        code=code_digest("gather_comments.py"),
    script:
        "../workflow/scripts/gather_comments.py"


rule train_clip:
    input:
        catalogue=f"{PREPARED}/items.parquet",
        item_statistics=f"{PROTOCOL}/item_statistics.parquet",
        folder=lambda wildcards: image_folder("cover"),
        given=given_to_encoder,
    output:
        weights=f"{CLIP}/weights.safetensors",
        report=f"{CLIP}/clip.json",
    log:
        "results/logs/{dataset}/{protocol}/clip/{encoder}/train_clip.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/clip/{encoder}/train_clip.tsv"
    wildcard_constraints:
        encoder=names(encoders_of(*fields.TRAINED_ENCODERS)),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        options=lambda wildcards: {
            key: value for key, value in config["encoders"][wildcards.encoder].items() if key != "pooling"
        },
        threads=config["threads"],
        code=code_digest("train_clip.py"),
    script:
        "../workflow/scripts/train_clip.py"


# The encoder's weights and the matrix are those of the pictures' own feature.
rule tag_images:
    input:
        catalogue=f"{PREPARED}/items.parquet",
        item_statistics=f"{PROTOCOL}/item_statistics.parquet",
        matrix=tagged_features,
        weights=lambda wildcards: clip_weights(
            wildcards, wildcards.protocol, config["tags"][wildcards.field]["encoder"]
        ),
        given=lambda wildcards: given_files(config["encoders"][config["tags"][wildcards.field]["encoder"]]),
    output:
        texts=f"{TEXTS}/{{field}}.parquet",
    log:
        "results/logs/{dataset}/{protocol}/texts/{field}.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/texts/{field}.tsv"
    wildcard_constraints:
        field=names(config["tags"]),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        tags=lambda wildcards: config["tags"][wildcards.field],
        encoder=lambda wildcards: fields.encoder_block(config, config["tags"][wildcards.field]["encoder"]),
        threads=config["threads"],
        code=lambda wildcards: encoder_digest("tag_images.py", config["tags"][wildcards.field]["encoder"]),
    script:
        "../workflow/scripts/tag_images.py"


rule tabulate_features:
    input:
        descriptions=feature_descriptions,
        clip_reports=clip_reports,
    output:
        csv=f"{PROTOCOL}/tables/features.csv",
        md=f"{PROTOCOL}/tables/features.md",
    log:
        "results/logs/{dataset}/{protocol}/tables/features.log",
    benchmark:
        "results/benchmarks/{dataset}/{protocol}/tables/features.tsv"
    conda:
        "../envs/data.yaml"
    params:
        title=DATASET["title"] + (" (synthetic)" if DATASET["synthetic"] else ""),
        code=code_digest("tabulate_features.py"),
    script:
        "../workflow/scripts/tabulate_features.py"
