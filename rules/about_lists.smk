# No rules here: what a list says of itself, and which config blocks decided it.


def about_list(wildcards, reranker=None):
    """The metadata of a list: what it is, and a digest of the config that decided it."""
    name = reranker or wildcards.reranker
    return {
        "dataset": wildcards.dataset,
        "protocol": wildcards.protocol,
        "base_model": wildcards.base_model,
        "seed": int(wildcards.seed),
        "reranker": name,
        "kind": settings.RERANKER_KINDS[config["rerankers"][name]["type"]],
        "depth": settings.reranker_depth(config, name),
        "config_digest": digests.digest(
            {key: DATASET.get(key) for key in ("adapter", "options", "generate")},
            config["protocols"][redrawing.real(wildcards.protocol)],
            config["models"][wildcards.base_model],
            *deciding_blocks(wildcards.base_model, name),
            [config[key] for key in ("candidates", "history", "min_interactions")],
        ),
    }


def deciding_blocks(base_model, reranker):
    """All of the config that decides what a re-ranker makes of a list, its signals' blocks included."""
    block = config["rerankers"][reranker]
    own = [
        settings.deciding(block),
        settings.feature_blocks(config, base_model, reranker),
        llm.without_limits(llm.chat_model_of(config, reranker)),
        settings.language_model_blocks(config, llm.language_model_of(config, reranker)),
        prompt_of(reranker),
    ]
    return own + [deciding_blocks(base_model, signal) for signal in block.get("signals", [])]


def prompt_of(reranker):
    """The definition of the prompt of a generative re-ranker, or nothing."""
    block = config["rerankers"][reranker]
    if block["type"] != "generative":
        return None
    return llm.load_prompt(Path(workflow.basedir) / "config", block["prompt"])
