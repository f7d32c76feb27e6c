# prepared/ + split.parquet -> models/{base_model}/seed{seed}/: weights, description, one row per epoch
#   -> clip/{encoder}/: weights, report
#   -> language_models/{language_model}/: a folder of the transformers library
# Everything that is trained, on training interactions only. No rule here needs a key or sends a request.


# One base model with one seed. If its block names an `encoder`, it reads the encoder's item features.
rule train:
    input:
        interactions=paths.interactions,
        split=paths.split,
        features=plan.features.of_base_model,
        descriptions=plan.features.descriptions_of_base_model,
    output:
        weights=paths.model_weights,
        description=paths.model_description,
        training=paths.training,
    log:
        paths.log("train"),
    benchmark:
        paths.benchmark("train")
    wildcard_constraints:
        base_model=one_of(chosen.trained),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        block=lambda wildcards: complete.deciding(config["models"][wildcards.base_model]),
        threads=config["threads"],
        deterministic=config["deterministic"],
    script:
        "../workflow/scripts/train.py"


rule train_clip:
    input:
        catalogue=paths.items,
        item_statistics=paths.item_statistics,
        folder=plan.features.covers,
        given=plan.features.given_files,
    output:
        weights=paths.clip_weights,
        report=paths.clip_report,
    log:
        paths.log("train_clip"),
    benchmark:
        paths.benchmark("train_clip")
    wildcard_constraints:
        encoder=one_of(plan.features.trained_encoders),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        options=plan.features.clip_options,
        threads=config["threads"],
    script:
        "../workflow/scripts/train_clip.py"


rule train_language_model:
    input:
        interactions=paths.interactions,
        split=paths.split,
        catalogue=paths.items,
    output:
        **plan.language_models.made("scratch"),
    log:
        paths.log("language_model"),
    benchmark:
        paths.benchmark("language_model")
    wildcard_constraints:
        language_model=one_of(plan.language_models.trained),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        block=plan.language_models.block,
        threads=config["threads"],
    script:
        "../workflow/scripts/train_language_model.py"


rule finetune_language_model:
    input:
        interactions=paths.interactions,
        split=paths.split,
        catalogue=paths.items,
        base=plan.language_models.base_files,
    output:
        **plan.language_models.made("lora"),
    log:
        paths.log("language_model"),
    benchmark:
        paths.benchmark("language_model")
    wildcard_constraints:
        language_model=one_of(plan.language_models.tuned),
    conda:
        "../envs/torch.yaml"
    threads: config["threads"]
    params:
        block=plan.language_models.block,
        source=plan.language_models.base_source,
        prompt=plan.language_models.prompt,
        threads=config["threads"],
    script:
        "../workflow/scripts/finetune_language_model.py"
