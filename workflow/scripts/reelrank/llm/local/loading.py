"""Load causal language models from the Hugging Face hub, a folder, a GGUF file or a package; errors name the key."""

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from reelrank.errors import InputError
from reelrank.llm.local.gguf_models import SUFFIX, find_in_package, load_gguf

#: Data types by name; `auto` is bfloat16 on a GPU and float32 on a CPU.
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_language_model(where, model, device, adapter=None, revision=None, precision="auto", package=None):
    """Load a model and its tokenizer.

    Parameters
    ----------
    where : str
        The model's place in the config, for errors, such as ``language_models.own``.
    model : str or None
        A folder that `save_pretrained` wrote, a GGUF file, or a name of the Hugging Face hub.
    device : torch.device
    adapter : str, optional
        A folder with a LoRA adapter of `peft`, merged into the weights in memory.
    revision : str, optional
        Commit of the hub's repository.
    precision : str
        ``auto`` or a key of `PRECISIONS`.
    package : str, optional
        Instead of `model`: an installed Python package with one GGUF file.

    Returns
    -------
    model : transformers.PreTrainedModel
        On `device`, for evaluation.
    tokenizer : transformers.PreTrainedTokenizerBase

    Raises
    ------
    InputError
        If model or adapter cannot be loaded.
    """
    dtype = _dtype(where, precision, device)
    key = "model" if package is None else "package"
    model = str(model) if package is None else find_in_package(where, package)
    loaded, tokenizer = _load(where, key, model, lambda: _read(where, key, model, revision, dtype))
    if adapter is not None:
        from peft import PeftModel  # only if used: it takes a second to import

        wrapped = _load(where, "adapter", str(adapter), lambda: PeftModel.from_pretrained(loaded, str(adapter)))
        loaded = wrapped.merge_and_unload()
    return loaded.to(device).eval(), tokenizer


def _read(where, key, model, revision, dtype):
    """Return model and tokenizer of a GGUF file, a folder or a name of the hub."""
    if model.endswith(SUFFIX):
        return load_gguf(where, key, model, dtype)
    tokenizer = AutoTokenizer.from_pretrained(model, revision=revision)
    loaded = AutoModelForCausalLM.from_pretrained(model, revision=revision, dtype=dtype, attn_implementation="sdpa")
    return loaded, tokenizer


def _dtype(where, precision, device):
    if precision == "auto":
        return torch.bfloat16 if device.type == "cuda" else torch.float32
    if precision not in PRECISIONS:
        known = ", ".join(["auto", *PRECISIONS])
        raise InputError(f"config key {where}.precision: found {precision!r}; expected one of {known}")
    return PRECISIONS[precision]


def _load(where, key, value, load):
    """Return the result of `load`; errors name the config key."""
    try:
        return load()
    except InputError:
        raise
    except (OSError, ValueError, KeyError, IndexError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise InputError(
            f"config key {where}.{key}: {value!r} could not be loaded ({type(error).__name__}: {reason}); expected the "
            "path of a folder that holds one (config.json, weights, tokenizer), of a GGUF file, or a name of the "
            "Hugging Face hub and a network that reaches it"
        ) from error


def encode_start(tokenizer, text):
    """Return the token ids of a text to continue: at least one, without an end token."""
    ids, plain = (tokenizer(text, add_special_tokens=special)["input_ids"] for special in (True, False))
    if ids and ids[-1] == tokenizer.eos_token_id and plain[-1:] != ids[-1:]:
        ids = ids[:-1]
    return ids or [tokenizer.bos_token_id or tokenizer.eos_token_id or 0]


def encode_messages(tokenizer, messages):
    """Return the token ids of a conversation, up to the start of the answer.

    A model whose tokenizer has no chat template only continues texts. Then the contents are
    joined by empty lines, with a line end after the last.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerBase
    messages : sequence of (str, str), or of dict
        Role and content.
    """
    pairs = as_pairs(messages)
    if tokenizer.chat_template is None:
        return tokenizer("\n\n".join(content for _, content in pairs) + "\n")["input_ids"]
    turns = [{"role": role, "content": content} for role, content in pairs]
    return tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=True)["input_ids"]


def as_pairs(messages):
    """Return messages, which may be dicts, as pairs of role and content."""
    return [(turn["role"], turn["content"]) if isinstance(turn, dict) else tuple(turn) for turn in messages]


def token_variants(tokenizer, choice):
    """Return the tokens that spell a choice, with or without a space before it.

    Raises
    ------
    InputError
        If no variant is a single token: the probability of the next token would not be that of the choice.
    """
    encoded = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in (choice, f" {choice}")]
    found = sorted({ids[0] for ids in encoded if len(ids) == 1})
    if not found:
        raise InputError(
            f"choice {choice!r}: the tokenizer of {tokenizer.name_or_path!r} encodes it as {len(encoded[0])} tokens; "
            "expected one token, so that its probability can be read"
        )
    return found
