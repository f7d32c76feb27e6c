# No rules here: which files the tables beyond accuracy are made of.


def places_of_lists(wildcards):
    """The files of every list of the run under one protocol, by base list."""
    return [
        [
            place_of_list(f"results/{wildcards.dataset}/{wildcards.protocol}/lists/{base}/seed{seed}", name)
            for name in rerankers_over(base)
        ]
        for base in RUN["base_models"]
        for seed in RUN["seeds"]
    ]


def place_of_list(folder, reranker):
    """The files of one list, as the fields of reelrank.evaluation.list_tables.Place."""
    asked = PARTS if config["rerankers"][reranker]["type"] == "generative" else []
    return {
        "reranker": reranker,
        "lists": {part: f"{folder}/{reranker}/{part}.parquet" for part in PARTS},
        "ranks": f"{folder}/{reranker}/test.ranks.parquet",
        "answers": {part: f"{folder}/{reranker}/{part}.answers.parquet" for part in asked},
        "parsing": {part: f"{folder}/{reranker}/{part}.parsing.parquet" for part in asked},
    }


def files_of_lists(wildcards):
    """The same as plain paths."""
    return [
        path
        for over_base in places_of_lists(wildcards)
        for place in over_base
        for path in [
            place["ranks"],
            *(path for kind in ("lists", "answers", "parsing") for path in place[kind].values()),
        ]
    ]


def diversity_vectors(wildcards):
    """The vectors that diversity is measured by, if it is."""
    feature = fields.diversity_feature(config)
    if feature is None:
        return []
    return f"results/{wildcards.dataset}/{fields.feature_path(config, wildcards.protocol, *feature)}"


def price_of_lists(wildcards):
    """The price of each re-ranker's tokens: nothing for those that send no request."""
    return {name: llm.price_of(PRICES, llm.chat_model_of(config, name)) for name in RUN["rerankers"]}
