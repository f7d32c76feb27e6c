# prepared/items.parquet, {protocol}/texts/, raw pictures or published matrices
#   -> {place}/{encoder}/{field}.npy (row = item index), {field}.json
# Each item is encoded once, whatever reads it. A place is `features`, or `{protocol}/features` for what is made of
# training interactions. Shards are encoded apart, published by rename, and gathered by one job.


scattergather:
    shards=config["item_shards"],


rule embed_text:
    input:
        texts=lambda wildcards: text_paths(wildcards, wildcards.place.rpartition("/")[0], wildcards.field),
        weights=lambda wildcards: clip_weights(wildcards, wildcards.place.rpartition("/")[0], wildcards.encoder),
        given=given_to_encoder,
    output:
        temp(f"{FEATURE}.{{scatteritem}}.npz"),
    log:
        "results/logs/{dataset}/{place}/{encoder}/{field}.{scatteritem}.log",
    benchmark:
        "results/benchmarks/{dataset}/{place}/{encoder}/{field}.{scatteritem}.tsv"
    wildcard_constraints:
        field=names(set(fields.field_names(config)) - set(fields.IMAGE_FIELDS)),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        fields=lambda wildcards: fields.parts(config, wildcards.field),
        encoder=lambda wildcards: fields.encoder_block(config, wildcards.encoder),
        threads=config["threads"],
        code=lambda wildcards: encoder_digest("embed_text.py", wildcards.encoder),
    script:
        "../workflow/scripts/embed_text.py"


rule embed_images:
    input:
        catalogue=f"{PREPARED}/items.parquet",
        folder=lambda wildcards: image_folder(wildcards.field),
        weights=lambda wildcards: clip_weights(wildcards, wildcards.place.rpartition("/")[0], wildcards.encoder),
        given=given_to_encoder,
    output:
        temp(f"{FEATURE}.{{scatteritem}}.npz"),
    log:
        "results/logs/{dataset}/{place}/{encoder}/{field}.{scatteritem}.log",
    benchmark:
        "results/benchmarks/{dataset}/{place}/{encoder}/{field}.{scatteritem}.tsv"
    wildcard_constraints:
        field=names(fields.IMAGE_FIELDS),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        encoder=lambda wildcards: fields.encoder_block(config, wildcards.encoder),
        threads=config["threads"],
        code=lambda wildcards: encoder_digest("embed_images.py", wildcards.encoder),
    script:
        "../workflow/scripts/embed_images.py"


# Shards are temporary: what decides them is a param or an input here too, or a change of it would go unseen.
rule gather_features:
    input:
        shards=gather.shards("results/{{dataset}}/{{place}}/{{encoder}}/{{field}}.{scatteritem}.npz"),
        given=given_to_encoder,
    output:
        matrix=f"{FEATURE}.npy",
        about=f"{FEATURE}.json",
    log:
        "results/logs/{dataset}/{place}/{encoder}/{field}.log",
    benchmark:
        f"results/benchmarks/{{dataset}}/{{place}}/{{encoder}}/{{field}}.all-of-{config['item_shards']}.tsv"
    wildcard_constraints:
        encoder=names(set(config["encoders"]) - set(encoders_of("published"))),
    conda:
        "../envs/data.yaml"
    params:
        fields=lambda wildcards: fields.parts(config, wildcards.field),
        encoder=lambda wildcards: fields.encoder_block(config, wildcards.encoder),
        threads=config["threads"],
        code=code_digest("gather_features.py"),
        shards_code=lambda wildcards: encoder_digest(
            "embed_images.py" if wildcards.field in fields.IMAGE_FIELDS else "embed_text.py", wildcards.encoder
        ),
    script:
        "../workflow/scripts/gather_features.py"


rule import_features:
    input:
        catalogue=f"{PREPARED}/items.parquet",
        published=lambda wildcards: published_file(wildcards.encoder),
    output:
        matrix=f"{FEATURE}.npy",
        about=f"{FEATURE}.json",
    log:
        "results/logs/{dataset}/{place}/{encoder}/{field}.log",
    benchmark:
        "results/benchmarks/{dataset}/{place}/{encoder}/{field}.tsv"
    wildcard_constraints:
        encoder=names(encoders_of("published")),
    conda:
        "../envs/data.yaml"
    params:
        encoder=lambda wildcards: fields.encoder_block(config, wildcards.encoder),
        expected_items=DATASET["expected"].get("items"),
        code=code_digest("import_features.py"),
    script:
        "../workflow/scripts/import_features.py"
