"""A tiny language model in a GGUF file, and a package that carries it."""

import json

import gguf
import numpy as np
from small_language_model import WORDS

from reelrank.config.schema import options as complete_options
from reelrank.llm.local import pretraining

#: The names of a Llama's layers in a GGUF file.
LAYERS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def write_small_gguf(path, quantised=None, seed=1, hidden_size=32, heads=2):
    """Write an untrained Llama as a GGUF file; return the model itself.

    Parameters
    ----------
    path : Path
    quantised : gguf.GGMLQuantizationType, optional
        How matrices are stored; float32 without it.
    seed, hidden_size, heads : int
    """
    shape = {"hidden_size": hidden_size, "layers": 2, "heads": heads, "intermediate_size": 64, "vocabulary_size": 400}
    options = complete_options("language_models", "scratch", seed=seed, **shape)
    tokenizer = pretraining.train_tokenizer(WORDS, options["vocabulary_size"])
    model = pretraining.build_model(tokenizer, options).eval()
    for parameter in model.parameters():
        parameter.data *= 4
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = gguf.GGUFWriter(path, "llama")
    _add_shape(writer, model.config)
    _add_tokenizer(writer, tokenizer)
    for name, tensor in model.model.state_dict().items():
        value = tensor.numpy()
        if "q_proj" in name or "k_proj" in name:  # the file pairs the values that rotary positions rotate otherwise
            value = value.reshape(heads, 2, -1, hidden_size).swapaxes(1, 2).reshape(hidden_size, hidden_size)
        stored = quantised if quantised is not None and value.ndim == 2 else None
        if stored is not None:
            writer.add_tensor(_name(name), gguf.quants.quantize(value, stored), raw_dtype=stored)
        else:
            writer.add_tensor(_name(name), np.ascontiguousarray(value))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def _name(name):
    """Return the name in a GGUF file of a Llama's tensor."""
    if name == "embed_tokens.weight":
        return "token_embd.weight"
    if name == "norm.weight":
        return "output_norm.weight"
    _, number, rest = name.split(".", 2)
    return f"blk.{number}.{LAYERS[rest.removesuffix('.weight')]}.weight"


def _add_shape(writer, config):
    writer.add_name("tiny")
    writer.add_vocab_size(config.vocab_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_rope_dimension_count(config.hidden_size // config.num_attention_heads)


def _add_tokenizer(writer, tokenizer):
    """Add a byte-level BPE tokenizer, whose first tokens are special."""
    merges = [" ".join(pair) for pair in json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]]
    tokens = [token for token, _ in sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])]
    tokens[tokenizer.eos_token_id] = "<end>"  # there a line end, whose token is also one of the bytes
    special = {tokenizer.bos_token, tokenizer.pad_token, "<end>"}
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_merges(merges)
    writer.add_token_types([gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens])
    writer.add_bos_token_id(tokenizer.bos_token_id)
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
