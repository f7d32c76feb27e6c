"""The options of a generative re-ranker, completed and checked. No heavy import: Snakemake itself runs this."""

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from reelrank.config.addresses import third_party
from reelrank.config.prompts import LETTERS, build_prompt
from reelrank.errors import InputError, suggest

#: What decides the answers, with its defaults.
DEFAULTS = {
    "client": "openai",
    "model": None,
    "language_model": None,
    "base_url": None,
    "provider": "auto",
    "key_variable": None,
    "revision": None,
    "adapter": None,
    "precision": "auto",
    "prompt": "refined",
    "strategy": "listwise",
    "window": None,
    "stride": None,
    "permutations": 1,
    "length_normalised": False,
    "structured": "auto",
    "without_logprobs": "error",
    "history_length": 10,
    "fields": {"title": 120},
    "comments_per_item": 3,
    "users": "hits",
    "seed": 1,
    "temperature": 0.0,
    "max_tokens": None,
}

#: What cannot change an answer, only when and whether it comes; None is no limit, and 0 requests or dollars are none.
LIMITS = {
    "send_to_third_party": False,
    "concurrency": 16,
    "requests_per_minute": 0,
    "tokens_per_minute": 0,
    "max_requests": None,
    "max_cost_usd": None,
    "max_attempts": 8,
    "timeout_s": 60.0,
}

#: Most letters in a window that is read from an API's log-probabilities: it gives 20, shared by a letter's variants.
API_WINDOW = 10


def generative_options(block):
    """Return what decides a generative re-ranker's answers, with the defaults filled in."""
    options = DEFAULTS | {key: value for key, value in block.items() if key in DEFAULTS}
    depth = block.get("depth", 20)
    if options["window"] is None:
        api_logits = options["strategy"] == "letter_logits" and options["client"] != "transformers"
        options["window"] = min(depth, API_WINDOW if api_logits else len(LETTERS))
    if options["stride"] is None:
        options["stride"] = max(1, options["window"] // 2)
    return options


def limits(block):
    """Return what a generative re-ranker is allowed, with the defaults filled in."""
    usual = {"concurrency": 256} if block.get("client") == "transformers" else {}
    return LIMITS | usual | {key: value for key, value in block.items() if key in LIMITS}


def load_prompt(folder, name):
    """Return the definition of a prompt, ``{folder}/prompts/{name}.yaml``.

    Raises
    ------
    InputError
        If there is none, or it does not keep the schema of prompts.
    """
    path = folder / "prompts" / f"{name}.yaml"
    if not path.is_file():
        known = [file.stem for file in (folder / "prompts").glob("*.yaml")]
        raise InputError(f"unknown prompt {name!r}; {suggest(name, known)}")
    try:
        definition = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise InputError(f"config/prompts/{name}.yaml: no YAML ({' '.join(str(error).split())})") from None
    schema = yaml.safe_load((folder / "schemas" / "prompts.schema.yaml").read_text(encoding="utf-8"))["prompt"]
    error = best_match(
        Draft202012Validator({"type": "object", "additionalProperties": False, **schema}).iter_errors(definition)
    )
    if error is not None:
        key = ".".join(map(str, error.absolute_path)) or "(top)"
        raise InputError(f"config/prompts/{name}.yaml: {key}: {error.message}")
    return definition


def load_prices(folder):
    """Return the prices by model: dollars per million input and output tokens."""
    return yaml.safe_load((folder / "prices.yaml").read_text(encoding="utf-8"))["models"]


def price_of(prices, options):
    """Return the prices of a re-ranker's model, (0, 0) in this process, or None where they are not known."""
    if options["client"] == "transformers":
        return 0.0, 0.0
    found = prices.get(options["model"])
    return None if found is None else (found["input"], found["output"])


def check_generative(name, block, folder, fields, prices, language_models=()):
    """Check a generative re-ranker of the run; raise `InputError` with the key that is wrong.

    Parameters
    ----------
    name : str
    block : dict
    folder : Path
        The folder ``config/``.
    fields : sequence of str
        Item fields that are prepared.
    prices : dict
    language_models : collection of str
        Names of those that the config defines.
    """
    where = f"config key rerankers.{name}"
    options, allowed = generative_options(block), limits(block)
    prompt = _prompt(where, options["prompt"], folder)
    strategy, local = options["strategy"], options["client"] == "transformers"
    if (options["model"] is None) == (options["language_model"] is None):
        raise InputError(f"{where}: expected exactly one of 'model' and 'language_model'")
    if options["language_model"] is not None and not local:
        raise InputError(f"{where}.language_model: found client {options['client']!r}; expected transformers")
    if options["language_model"] is not None and options["language_model"] not in language_models:
        raise InputError(
            f"{where}.language_model: unknown name {options['language_model']!r}; "
            f"{suggest(options['language_model'], language_models)}"
        )
    if strategy == "likelihood" and not local:
        raise InputError(
            f"{where}.strategy: 'likelihood' needs client transformers: no server gives it; found {options['client']!r}"
        )
    if strategy != "likelihood" and strategy not in prompt.answers:
        raise InputError(
            f"{where}.strategy: the prompt {options['prompt']!r} has no answer to {strategy!r}; "
            f"{suggest(strategy, prompt.answers)}"
        )
    _check_windows(where, block, options)
    _check_users(where, options["users"], block.get("depth", 20))
    for field in options["fields"]:
        if field not in fields:
            raise InputError(f"{where}.fields: {field!r} is not among fields = {list(fields)}")
    if not local and not allowed["send_to_third_party"] and not _stays_here(options["base_url"]):
        raise InputError(
            f"{where}.send_to_third_party: histories of users (fields {', '.join(options['fields'])}) would go to "
            f"{options['base_url'] or options['client']}; found false, expected true if they may"
        )
    if allowed["max_cost_usd"] is not None and price_of(prices, options) is None:
        raise InputError(f"{where}.max_cost_usd: the price of {options['model']!r} is not in config/prices.yaml")


def check_tuning(name, block, folder, fields):
    """Check what a language model is fine-tuned to answer; raise `InputError` with the key that is wrong.

    Parameters
    ----------
    name : str
        Its place in the config.
    block : dict
    folder : Path
        The folder ``config/``.
    fields : sequence of str
        Item fields that are prepared.
    """
    prompt = _prompt(f"config key {name}", block["prompt"], folder)
    if "letter_logits" not in prompt.answers:
        raise InputError(f"config key {name}.prompt: the prompt {block['prompt']!r} has no answer to 'letter_logits'")
    for field in block.get("fields", ()):
        if field not in fields or field in ("comments", "cover", "frames"):
            raise InputError(f"config key {name}.fields: found {field!r}; expected title or category, among fields")


def _prompt(where, name, folder):
    """Return the prompt of a name; errors say the config key."""
    try:
        return build_prompt(name, load_prompt(folder, name))
    except InputError as error:
        raise InputError(f"{where}.prompt: {error}") from None


def _check_windows(where, block, options):
    window, stride = options["window"], options["stride"]
    if not 2 <= window <= len(LETTERS) and options["strategy"] in ("listwise", "letter_logits"):
        raise InputError(f"{where}.window: found {window}; expected 2 to {len(LETTERS)}, the letters that label")
    if options["strategy"] == "letter_logits" and options["client"] != "transformers" and window > API_WINDOW:
        raise InputError(
            f"{where}.window: found {window}; expected at most {API_WINDOW} with letter_logits over an API, "
            "which gives 20 log-probabilities for all variants of the letters"
        )
    if stride > window:
        raise InputError(f"{where}.stride: found {stride}; expected at most the window, {window}")


def _check_users(where, users, depth):
    if users in ("hits", "all"):
        return
    if isinstance(users, dict) and set(users) <= {"sample", "seed"} and "sample" in users:
        return
    raise InputError(f"{where}.users: found {users!r}; expected hits, all or {{sample: N, seed: S}}")


def _stays_here(base_url):
    return base_url is not None and third_party(base_url) is None
