# No rules here: where language models in process lie, and what each generative re-ranker is asked.


def language_models(*types):
    """The language models of these types."""
    return [name for name, block in config["language_models"].items() if block["type"] in types]


def language_model_files(wildcards, name):
    """The files of a language model: those made here, those of its base, and those of a given folder."""
    block = config["language_models"][name]
    folder = f"results/{wildcards.dataset}/{redrawing.learned_under(config, wildcards.protocol)}/language_models/{name}"
    if block["type"] == "lora":
        return [f"{folder}/adapter_model.safetensors", *language_model_files(wildcards, block["base"])]
    return [f"{folder}/model.safetensors"] if block["type"] == "scratch" else given_files(block)


def language_model_source(wildcards, name):
    """What is loaded for a language model: folders made here, or what its block names."""
    block = config["language_models"][name]
    folder = f"results/{wildcards.dataset}/{redrawing.learned_under(config, wildcards.protocol)}/language_models/{name}"
    if block["type"] == "lora":
        return {**language_model_source(wildcards, block["base"]), "adapter": folder}
    if block["type"] == "scratch":
        return {"model": folder}
    return {key: value for key, value in block.items() if key != "type"}


def tuned_block(wildcards):
    """The config of a language model that is fine-tuned."""
    return config["language_models"][wildcards.language_model]


def asking_options(wildcards):
    """The options of a generative re-ranker, complete."""
    return llm.generative_options(config, wildcards.reranker)


def asked_in_process():
    """The generative re-rankers whose language model runs in the job itself."""
    return [name for name in rerankers_of("generative") if llm.in_process(config, name)]


def asked_by_request():
    """The others, which send requests to a service."""
    return [name for name in rerankers_of("generative") if name not in asked_in_process()]


def own_language_model(wildcards):
    """The files of the language model in process, where one is asked."""
    if not llm.in_process(config, wildcards.reranker):
        return []
    chat_model = llm.chat_model_of(config, wildcards.reranker)
    name = chat_model["language_model"]
    return language_model_files(wildcards, name) if name else given_files(chat_model)


def asked_chat_model(wildcards):
    """The chat model without its limits; in process, what is loaded and the threads that decide the order of its sums."""
    chat_model = llm.without_limits(llm.chat_model_of(config, wildcards.reranker))
    if not llm.in_process(config, wildcards.reranker):
        return chat_model
    name = chat_model["language_model"]
    return chat_model | (language_model_source(wildcards, name) if name else {}) | {"threads": config["threads"]}


def what_is_asked(reranker):
    """All that decides a generative re-ranker's requests and their price."""
    chat_model = llm.chat_model_of(config, reranker)
    return {
        "options": llm.generative_options(config, reranker),
        "chat_model": llm.without_limits(chat_model),
        "prompt": prompt_of(reranker),
        "prices": llm.price_of(PRICES, chat_model),
        "depth": settings.reranker_depth(config, reranker),
    }


def shown_beside_titles(reranker):
    """The tables that a re-ranker's prompts show beside the items' own columns: comments, and tags of images."""
    shown = config["rerankers"][reranker]["fields"]
    tables = {field: f"{PROTOCOL}/texts/{field}.parquet" for field in shown if field in config.get("tags", {})}
    return tables | ({"comments": f"{PREPARED}/comments.parquet"} if "comments" in shown else {})


def prompt_inputs(wildcards):
    """Those of one re-ranker."""
    return shown_beside_titles(wildcards.reranker)


def all_prompt_inputs(wildcards):
    """Those of all generative re-rankers."""
    return {key: path for name in rerankers_of("generative") for key, path in shown_beside_titles(name).items()}


def asking_code(wildcards):
    """The code behind the questions; that of the reader only where an answer decides the next question."""
    options = asking_options(wildcards)
    slides = options["strategy"] in ("listwise", "letter_logits") and options["window"] < settings.reranker_depth(
        config, wildcards.reranker
    )
    return code_digest(
        "ask_llm.py", f"llm/clients/{options['client']}.py", *(["llm/answers/readings.py"] if slides else [])
    )
