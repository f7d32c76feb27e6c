# No rules here: what fusions are made of.

FUSIONS = fusion_options.fusions(config)
UNFUSED = [name for name in RUN["rerankers"] if name not in FUSIONS]


def fusible_base_models():
    """The base models that have valid lists."""
    return [name for name in RUN["base_models"] if fusion_options.has_valid(config, name)]


def fusion_signals():
    """The re-rankers that are a signal of any fusion."""
    return list(dict.fromkeys(name for fusion in FUSIONS for name in config["rerankers"][fusion]["signals"]))


def signal_lists(wildcards):
    """The lists of the signals by part."""
    return {
        f"signals_{part}": [f"{LISTS}/{name}/{part}.parquet".format(**wildcards) for name in fusion_signals()]
        for part in PARTS
    }


def fusion_features():
    """The features that any fusion takes similarities of."""
    features = [feature for name in FUSIONS for feature in fields.features_of(config, name, "rerankers")]
    return list(dict.fromkeys(features))


def fusion_matrices(wildcards):
    """The matrices of these features."""
    return [
        f"results/{wildcards.dataset}/{fields.feature_path(config, wildcards.protocol, *feature)}"
        for feature in fusion_features()
    ]


def fusion_block(wildcards, name):
    """All that decides one fusion, beside its inputs."""
    block = config["rerankers"][name]
    return {
        "type": block["type"],
        "signals": block["signals"],
        "options": fusion_options.fusion_options(block),
        "twin_of": block.get("twin_of"),
        "about": about_list(wildcards, name),
    }


def fusion_modules():
    """The library files of the types of fusion that the run has."""
    return sorted({f"rerank/fusion/{config['rerankers'][name]['type']}.py" for name in FUSIONS})
