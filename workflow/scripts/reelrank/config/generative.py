"""Reads and checks generative re-rankers and their chat models in the completed config.

No heavy import: Snakemake itself runs this.
"""

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from reelrank.config.addresses import check_address, third_party
from reelrank.config.prompts import LETTERS, build_prompt
from reelrank.config.schema import Problems, complete_block, entry, load_schema, moved
from reelrank.errors import InputError, suggest

#: Largest window for log-probabilities from an API: it returns 20, and a letter has several variants (A, " A").
API_WINDOW = 10


def generative_options(config, reranker):
    """Return the options that decide a generative re-ranker's questions and how answers are read.

    Returns
    -------
    dict
        Its block without ``type`` and ``depth``, with ``window`` and ``stride`` as numbers; the
        ``client`` of its chat model; and ``comments_per_item`` of the config if prompts show comments.
    """
    block = config["rerankers"][reranker]
    options = {key: value for key, value in block.items() if key not in ("type", "depth")}
    options["client"] = config["chat_models"][block["chat_model"]]["client"]
    if options["window"] is None:
        options["window"] = min(block["depth"], _most_letters(options))
    if options["stride"] is None:
        options["stride"] = max(1, options["window"] // 2)
    if "comments" in options["fields"]:
        options["comments_per_item"] = config["comments_per_item"]
    return options


def chat_model_of(config, reranker):
    """Return the block of the chat model that a generative re-ranker asks, with its ``name``; None for other types."""
    block = config["rerankers"][reranker]
    if block["type"] != "generative":
        return None
    return {"name": block["chat_model"], **config["chat_models"][block["chat_model"]]}


def limits(chat_model):
    """Return the limits of a chat model: the keys that change only whether and when an answer comes."""
    return {key: chat_model[key] for key in _limit_keys(chat_model)}


def without_limits(chat_model):
    """Return the keys that decide a chat model's answers: its block without `limits`; None without a chat model."""
    if chat_model is None:
        return None
    return {key: value for key, value in chat_model.items() if key not in _limit_keys(chat_model)}


def _limit_keys(chat_model):
    properties = entry("chat_models", chat_model["client"])["properties"]
    return [key for key, own in properties.items() if own.get("limit")]


def in_process(config, reranker):
    """Return whether a generative re-ranker's chat model runs in the job's own process."""
    return chat_model_of(config, reranker)["client"] == "transformers"


def language_model_of(config, reranker):
    """Return the name of the block of ``language_models`` that a re-ranker reads, or None.

    A re-ranker of type `likelihood` names it itself, a generative one through its chat model.
    """
    return (chat_model_of(config, reranker) or config["rerankers"][reranker]).get("language_model")


def load_prompt(folder, name):
    """Return the definition of a prompt, ``{folder}/prompts/{name}.yaml``.

    Parameters
    ----------
    folder : Path
        The folder ``config/``.
    name : str

    Raises
    ------
    InputError
        If the file is missing or does not match the schema of prompts.
    """
    path = folder / "prompts" / f"{name}.yaml"
    if not path.is_file():
        known = [file.stem for file in (folder / "prompts").glob("*.yaml")]
        raise InputError(f"unknown prompt {name!r}; {suggest(name, known)}")
    try:
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"config/prompts/{name}.yaml: expected YAML ({' '.join(str(error).split())})") from None
    for key in definition if isinstance(definition, dict) else ():
        if new := moved(f"prompts.{name}.{key}"):
            raise InputError(f"config/prompts/{name}.yaml: {key}: {new}")
    schema = {"type": "object", "additionalProperties": False, **load_schema("prompts")["prompt"]}
    error = best_match(Draft202012Validator(schema).iter_errors(definition))
    if error is not None:
        key = ".".join(map(str, error.absolute_path)) or "(top)"
        raise InputError(f"config/prompts/{name}.yaml: {key}: {error.message}")
    return definition


def load_prices(folder):
    """Return the prices by model: dollars per million input and output tokens."""
    return yaml.safe_load((folder / "prices.yaml").read_text(encoding="utf-8"))["models"]


def price_of(prices, chat_model):
    """Return a chat model's dollars per million input and output tokens.

    (0, 0) if nothing is sent (no chat model, or one in process), None if the price is not known.
    """
    if chat_model is None or chat_model["client"] == "transformers":
        return 0.0, 0.0
    found = prices.get(chat_model["model"])
    return None if found is None else (found["input"], found["output"])


def check_generative(config, folder, problems):
    """Check the chat models, and the generative re-rankers of the run, beyond what their schemas say.

    Parameters
    ----------
    config : dict
        Its blocks are complete. A block that does not match its schema is skipped: its mistakes are already noted.
    folder : Path
        The folder ``config/``.
    problems : reelrank.config.schema.Problems
        Takes the mistakes.
    """
    valid = {name: block for name, block in config["chat_models"].items() if _keeps_schema("chat_models", block)}
    for name, chat_model in valid.items():
        _check_chat_model(f"config key chat_models.{name}", chat_model, config, problems)
    prices = load_prices(folder)
    for name in config["run"]["rerankers"]:
        block, where = config["rerankers"].get(name, {}), f"config key rerankers.{name}"
        if block.get("type") != "generative" or not _keeps_schema("rerankers", block):
            continue
        if block["chat_model"] not in config["chat_models"]:
            problems.add(
                f"{where}.chat_model: unknown name {block['chat_model']!r}; "
                f"{suggest(block['chat_model'], config['chat_models'])}"
            )
        elif block["chat_model"] in valid:
            options = generative_options(config, name)
            _check_prompt(where, options, folder, problems)
            _check_windows(where, options, problems)
            check_users(where, options["users"], problems)
            _check_fields(where, options["fields"], config, problems)
            _check_permissions(name, chat_model_of(config, name), options["fields"], prices, problems)


def _keeps_schema(section, block):
    problems = Problems()
    complete_block(section, block, section, problems)
    return not problems.texts


def _check_chat_model(where, chat_model, config, problems):
    if isinstance(chat_model.get("base_url"), str):
        try:
            check_address(f"{where.removeprefix('config key ')}.base_url", chat_model["base_url"])
        except InputError as error:
            problems.add(str(error))
    if chat_model.get("client") != "transformers":
        return
    named = [key for key in ("model", "language_model") if chat_model.get(key) is not None]
    if len(named) != 1:
        problems.add(f"{where}: expected exactly one of 'model' and 'language_model'; found {named or 'neither'}")
    elif named == ["language_model"] and chat_model["language_model"] not in config["language_models"]:
        problems.add(
            f"{where}.language_model: unknown name {chat_model['language_model']!r}; "
            f"{suggest(chat_model['language_model'], config['language_models'])}"
        )


def _check_prompt(where, options, folder, problems):
    try:
        prompt = build_prompt(options["prompt"], load_prompt(folder, options["prompt"]))
    except InputError as error:
        problems.add(f"{where}.prompt: {error}")
        return
    if options["strategy"] not in prompt.answers:
        problems.add(
            f"{where}.strategy: the prompt {options['prompt']!r} has no answer for {options['strategy']!r}; "
            f"{suggest(options['strategy'], prompt.answers)}"
        )


def _most_letters(options):
    """Return how many candidates a window can hold at most."""
    from_api = options["strategy"] == "letter_logits" and options["client"] != "transformers"
    return API_WINDOW if from_api else len(LETTERS)


def _check_windows(where, options, problems):
    window, stride, most = options["window"], options["stride"], _most_letters(options)
    if options["strategy"] != "pointwise" and not 2 <= window <= most:
        reason = (
            ", since an API returns 20 log-probabilities, and a letter has several variants"
            if most == API_WINDOW
            else ""
        )
        problems.add(f"{where}.window: found {window}; expected 2 to {most} with {options['strategy']}{reason}")
    if stride > window:
        problems.add(f"{where}.stride: found {stride}; expected at most the window, {window}")


def check_users(where, users, problems):
    """Check the key ``users`` of a re-ranker: hits, all, or a sample of at least one user."""
    if users in ("hits", "all"):
        return
    if isinstance(users, dict) and set(users) <= {"sample", "seed"} and "sample" in users:
        least = {"sample": 1, "seed": 0}
        if all(type(value) is int and value >= least[key] for key, value in users.items()):
            return
    problems.add(f"{where}.users: found {users!r}; expected hits, all or {{sample: N, seed: S}}")


def _check_fields(where, shown, config, problems):
    known = [*config["fields"], *config["tags"]]
    for field in shown:
        if field not in known:
            problems.add(f"{where}.fields: {field!r} is not a name in fields or tags; {suggest(field, known)}")


def _check_permissions(reranker, chat_model, shown, prices, problems):
    """Check that histories may be sent to the chat model, and that its price is known if there is a cost limit."""
    where = f"config key chat_models.{chat_model['name']}"
    address = chat_model.get("base_url")
    stays = chat_model["client"] == "transformers" or (address is not None and third_party(address) is None)
    if not stays and not chat_model["send_to_third_party"]:
        problems.add(
            f"{where}.send_to_third_party: histories of users (fields {', '.join(shown)}) would be sent to "
            f"{address or chat_model['client']} for the re-ranker {reranker!r}; found false, expected true to allow it"
        )
    if chat_model["max_cost_usd"] is not None and price_of(prices, chat_model) is None:
        problems.add(f"{where}.max_cost_usd: the price of {chat_model['model']!r} is not in config/prices.yaml")


def check_tuning(name, block, folder, fields):
    """Check the prompt and the fields of a fine-tuned language model; raise `InputError` with the wrong key.

    Parameters
    ----------
    name : str
        The language model's key in the config.
    block : dict
    folder : Path
        The folder ``config/``.
    fields : sequence of str
        Item fields that are prepared.
    """
    if (block["target"] == "letters") != (block["prompt"] is not None):
        expected = "the name of a prompt, which holds the letters" if block["target"] == "letters" else "null"
        raise InputError(
            f"config key {name}.prompt: found {block['prompt']!r} with target {block['target']}; expected {expected}"
        )
    if block["target"] == "titles":
        return
    try:
        prompt = build_prompt(block["prompt"], load_prompt(folder, block["prompt"]))
    except InputError as error:
        raise InputError(f"config key {name}.prompt: {error}") from None
    if "letter_logits" not in prompt.answers:
        raise InputError(f"config key {name}.prompt: the prompt {block['prompt']!r} has no answer for 'letter_logits'")
    for field in block.get("fields", ()):
        if field not in fields or field in ("comments", "cover", "frames"):
            raise InputError(f"config key {name}.fields: found {field!r}; expected title or category, listed in fields")
