# No rules here: which files features, their texts and their encoders lie in.


def feature_paths(wildcards, name, section):
    """The feature matrices that a model or re-ranker reads."""
    return [
        f"results/{wildcards.dataset}/{fields.feature_path(config, wildcards.protocol, *feature)}"
        for feature in fields.features_of(config, name, section)
    ]


def text_paths(wildcards, protocol, field):
    """The tables that the texts of a field are read from, one for each of the fields that it joins."""
    own = f"results/{wildcards.dataset}/{redrawing.learned_under(config, protocol)}/texts"
    return [
        (
            f"{own}/{part}.parquet"
            if fields.is_of_training(config, part)
            else f"results/{wildcards.dataset}/prepared/items.parquet"
        )
        for part in fields.parts(config, field)
    ]


def clip_weights(wildcards, protocol, encoder):
    """The weights of an encoder that this run trains, or nothing."""
    if config["encoders"][encoder]["type"] not in fields.TRAINED_ENCODERS:
        return []
    learned = redrawing.learned_under(config, protocol)
    return f"results/{wildcards.dataset}/{learned}/clip/{encoder}/weights.safetensors"


def given_files(block):
    """The files and folders of weights that a block names; a hub's name or a tag of weights has none."""
    paths = [Path(block[key]) for key in ("model", "adapter", "pretrained") if isinstance(block.get(key), str)]
    inside = [file for path in paths for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
    return [str(file) for file in inside if file.is_file()]


def given_to_encoder(wildcards):
    """The user's own files that an encoder is loaded from: a change of them is a change of its vectors."""
    return given_files(config["encoders"][wildcards.encoder])


def encoders_of(*types):
    """The encoders that have one of these types."""
    return [name for name, block in config["encoders"].items() if block["type"] in types]


def encoder_digest(script, encoder):
    """The digest of a step and of the encoder that it loads."""
    return code_digest(script, f"features/encoders/{config['encoders'][encoder]['type']}.py")


def image_folder(field):
    """The folder of the pictures of a field."""
    return raw.raw_path(config, DATASET["files"][{"cover": "covers", "frames": "frames"}[field]])


def published_file(encoder):
    """The published matrix of an encoder."""
    try:
        return raw.published_features(config, encoder)
    except InputError as error:
        raise WorkflowError(str(error))


def tagged_features(wildcards):
    """The matrix of the pictures that tags describe."""
    tags = config["tags"][wildcards.field]
    path = fields.feature_path(config, wildcards.protocol, tags["encoder"], tags["field"])
    return f"results/{wildcards.dataset}/{path}"


def run_features(wildcards):
    """Every (matrix, encoder) that the run reads under one protocol."""
    readers = [(name, "models") for name in RUN["base_models"]] + [(name, "rerankers") for name in RUN["rerankers"]]
    measured = fields.diversity_feature(config)
    own = {(diversity_vectors(wildcards), measured[0]): None} if measured else {}
    return own | dict.fromkeys(
        (path, feature[0])
        for name, section in readers
        for path, feature in zip(
            feature_paths(wildcards, name, section), fields.features_of(config, name, section), strict=True
        )
    )


def feature_descriptions(wildcards):
    """What each feature of the run is."""
    return [path.removesuffix(".npy") + ".json" for path, _ in run_features(wildcards)]


def clip_reports(wildcards):
    """The reports of the CLIPs that the run trains under one protocol."""
    trained = dict.fromkeys(encoder for _, encoder in run_features(wildcards))
    return [
        f"results/{wildcards.dataset}/{wildcards.protocol}/clip/{encoder}/clip.json"
        for encoder in trained
        if config["encoders"][encoder]["type"] in fields.TRAINED_ENCODERS
    ]


def concatenated(reranker):
    """The (encoder, field) whose histories a re-ranker encodes as one text, if it does."""
    together = config["rerankers"][reranker]["pooling"] == "concatenate"
    return fields.features_of(config, reranker, "rerankers")[0] if together else None


def history_parts(reranker):
    """The fields that make such a text."""
    return fields.parts(config, concatenated(reranker)[1]) if concatenated(reranker) else []


def history_text_paths(wildcards):
    """The tables that such texts are read from."""
    feature = concatenated(wildcards.reranker)
    return text_paths(wildcards, wildcards.protocol, feature[1]) if feature else []


def history_weights(wildcards):
    """The weights of an encoder of such texts, if this run trains it."""
    feature = concatenated(wildcards.reranker)
    return clip_weights(wildcards, wildcards.protocol, feature[0]) if feature else []


def history_encoder(reranker):
    """The library file of an encoder of such texts."""
    feature = concatenated(reranker)
    return [f"features/encoders/{config['encoders'][feature[0]]['type']}.py"] if feature else []


def encoding_histories():
    """The re-rankers that encode such texts in process, which takes time: a service is waited for by one job alone."""
    return [
        name
        for name in rerankers_of("similarity")
        if concatenated(name) and concatenated(name)[0] not in encoders_of(*fields.HOSTED_ENCODERS)
    ]
