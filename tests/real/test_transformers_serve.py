"""The real client against a real OpenAI-compatible server: `transformers serve` with a tiny model, on loopback."""

import importlib.util
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from llm_fixture import run

from reelrank.errors import InputError

#: What `transformers serve` needs beside transformers.
NEEDED = [name for name in ("tokenizers", "fastapi", "uvicorn") if importlib.util.find_spec(name) is None]
TEMPLATE = "{% for turn in messages %}{{ turn.role }}: {{ turn.content }}\n{% endfor %}assistant:"


def write_tiny_model(folder):
    """Write an untrained Llama of some 100,000 parameters and a tokenizer, both made here."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=["<s>", "</s>"], initial_alphabet=alphabet)
    tokenizer.train_from_iterator(["title one", "ranking of videos"], trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>", chat_template=TEMPLATE
    )
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(fast), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=2048, bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)


def free_port():
    """Return a port of the loopback interface that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Serve the tiny model; return its address and name."""
    if NEEDED:
        pytest.skip(f"transformers serve needs {', '.join(NEEDED)}: pip install 'transformers[serving]'")
    folder, port = tmp_path_factory.mktemp("model"), free_port()
    write_tiny_model(folder)
    command = [Path(sys.executable).parent / "transformers", "serve", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "NO_PROXY": "127.0.0.1"}
    with open(folder / "serve.log", "w") as log:
        process = subprocess.Popen([*command, "--device", "cpu"], env=environment, stdout=log, stderr=log)
        try:
            wait_until_healthy(process, port, folder / "serve.log")
            yield f"http://127.0.0.1:{port}/v1", str(folder)
        finally:
            process.kill()
            process.wait()


def wait_until_healthy(process, port, log):
    """Wait until the server answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    end = time.monotonic() + 600  # importing all of it takes long on a busy machine
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-3000:]
        try:
            with opener.open(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the server did not start: {log.read_text()[-3000:]}")


@pytest.fixture(autouse=True)
def loopback(monkeypatch, tmp_path):
    monkeypatch.setenv("REELRANK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def test_chat_and_a_probe_that_finds_out_what_is_ignored(served, tmp_path):
    url, model = served
    own, chat = {"max_tokens": 12}, {"model": model, "timeout_s": 120}
    rows, effective, ledger = run(tmp_path, url, 3, options=own, **chat, concurrency=2)
    assert effective["strategy"] == "listwise" and effective["schema"] is False, "it accepts a schema and ignores it"
    assert len(rows["test"]) == 3 and ledger["this_run"]["answered"] == 4
    assert ledger["input_tokens"] > 0 and 0 < ledger["output_tokens"] <= 36
    with pytest.raises(InputError, match="structured: found required, but the probe found that the server ignores"):
        run(tmp_path, url, 3, options=own | {"structured": "required"}, **chat)


def test_log_probabilities_that_are_accepted_and_ignored(served, tmp_path):
    url, model = served
    own, chat = {"strategy": "letter_logits", "max_tokens": 8}, {"model": model, "timeout_s": 120}
    with pytest.raises(InputError, match="letter_logits needs log-probabilities, and the probe found"):
        run(tmp_path, url, 2, options=own, **chat)
    rows, effective, _ = run(tmp_path, url, 2, options=own | {"without_logprobs": "listwise"}, **chat)
    assert effective["strategy"] == "listwise" and len(rows["test"]) == 2
