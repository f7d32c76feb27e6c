# No rules here: what the audit reads.


def real_protocol(path):
    """An input function: a file of the real protocol, under its twin with redrawn targets."""
    return lambda wildcards: path.format(**{**dict(wildcards.items()), "protocol": redrawing.real(wildcards.protocol)})


def all_lists(wildcards):
    """The lists of the run under one protocol, in the order of `all_ranks`."""
    return [path.removesuffix(".ranks.parquet") + ".parquet" for path in all_ranks(wildcards)]


def redrawn_files(wildcards):
    """The split with redrawn targets, and the lists that were made under it."""
    bases = redrawing.audited_base_models(config)
    protocol = redrawing.redrawn(wildcards.protocol)
    if not bases:
        return {}
    return {
        "redrawn_split": f"results/{wildcards.dataset}/{protocol}/split.parquet",
        "redrawn_lists": expand(
            f"{LISTS}/{{reranker}}/{{part}}.parquet",
            dataset=wildcards.dataset,
            protocol=protocol,
            base_model=bases,
            seed=RUN["seeds"],
            reranker=redrawing.audited_rerankers(config),
            part=PARTS,
        ),
    }


def run_texts(wildcards):
    """The texts of items that the run's features and prompts are made of and that are made of training interactions."""
    read = [feature for name in RUN["rerankers"] for feature in fields.features_of(config, name, "rerankers")]
    read += [feature for name in RUN["base_models"] for feature in fields.features_of(config, name, "models")]
    parts = [part for encoder, field in read for part in fields.parts(config, field)]
    parts += [part for name in rerankers_of("generative") for part in prompt_fields(name)]
    shown = dict.fromkeys(part for part in parts if fields.is_of_training(config, part))
    return [f"results/{wildcards.dataset}/{wildcards.protocol}/texts/{part}.parquet" for part in shown]


def prompt_fields(reranker):
    """The fields of items that the prompts of a generative re-ranker show."""
    return config["rerankers"][reranker]["fields"]


def tags_in_prompts(wildcards):
    """The tags of images that prompts show, by field."""
    shown = [field for name in rerankers_of("generative") for field in prompt_fields(name)]
    return {field: f"{TEXTS}/{field}.parquet".format(**wildcards) for field in shown if field in config["tags"]}


def asked_files(wildcards):
    """The answers and ledgers of the generative re-rankers, whose prompts are made again and looked at."""
    return {
        key: expand(
            f"{LISTS}/{{reranker}}/{file}",
            dataset=wildcards.dataset,
            protocol=wildcards.protocol,
            base_model=RUN["base_models"],
            seed=RUN["seeds"],
            reranker=rerankers_of("generative"),
            part=PARTS,
        )
        for key, file in (("answers", "{part}.answers.parquet"), ("ledgers", "ledger.json"))
        if rerankers_of("generative")
    }


def left_out_of_redrawing():
    """What the run has and the audit by redrawing does not look at."""
    return {
        "base_models": [name for name in RUN["base_models"] if name not in redrawing.audited_base_models(config)],
        "rerankers": [name for name in RUN["rerankers"] if name not in redrawing.audited_rerankers(config)],
    }
