"""Models in GGUF files and in packages: the same numbers, plain objects, and errors that say what to install."""

import sys

import gguf
import numpy as np
import pytest
import torch
from small_gguf import write_small_gguf

from reelrank.errors import InputError
from reelrank.llm.local import finetuning, gguf_models
from reelrank.llm.local.loading import load_language_model
from reelrank.llm.local.model import LocalModel

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the folder of a package with a GGUF file, the file, and the model in it."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "tiny_weights").mkdir()
    (folder / "tiny_weights" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    path = folder / "tiny_weights" / "tiny.f32.gguf"
    return folder, path, write_small_gguf(path)


def test_a_file_gives_the_numbers_of_its_model(made):
    _, path, model = made
    loaded, tokenizer = load_language_model("language_models.tiny", str(path), CPU)
    ids = torch.tensor([[1, 5, 60, 7, 300, 12, 9]])
    with torch.inference_mode():
        torch.testing.assert_close(loaded(ids).logits, model(ids).logits, atol=1e-4, rtol=1e-4)
    text = "silver fox of the day\nnoodles 2001\n"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
    assert len(tokenizer("silver fox")["input_ids"]) < len("silver fox") / 2, "merges are those of the file"
    assert (tokenizer.bos_token, tokenizer.eos_token) == ("<bos>", "<end>")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_packed_weights_become_plain_ones_that_can_be_tuned_and_saved(tmp_path, precision):
    path = tmp_path / "tiny.gguf"
    model = write_small_gguf(path, gguf.GGMLQuantizationType.Q8_0)
    loaded, tokenizer = load_language_model("language_models.tiny", str(path), CPU, precision=precision)
    assert loaded.dtype == getattr(torch, precision)
    assert loaded.lm_head.weight is loaded.model.embed_tokens.weight
    ids = torch.tensor([[1, 5, 60, 7, 300, 12, 9]])
    with torch.inference_mode():
        before, exact = loaded(ids).logits, model(ids).logits
    assert np.corrcoef(before.float().numpy().ravel(), exact.numpy().ravel())[0, 1] > 0.99
    loaded.save_pretrained(tmp_path / "plain")
    tokenizer.save_pretrained(tmp_path / "plain")
    again, other = load_language_model("language_models.tiny", str(tmp_path / "plain"), CPU, precision=precision)
    with torch.inference_mode():
        assert torch.equal(again(ids).logits, before)
    assert other("silver fox\n")["input_ids"] == tokenizer("silver fox\n")["input_ids"]
    options = {"seed": 1, "rank": 2, "alpha": 4, "dropout": 0.0, "target_modules": ["q_proj"]}
    adapted = finetuning.add_adapter(loaded, options)
    adapted(ids).logits.float().sum().backward()
    assert any(parameter.grad is not None for parameter in adapted.parameters())


def test_the_model_of_a_package_is_that_of_its_file(made, monkeypatch):
    folder, path, _ = made
    monkeypatch.syspath_prepend(str(folder))
    packaged, given = LocalModel("language_models.tiny", package="tiny_weights"), LocalModel("x", str(path))
    assert "tiny_weights" not in sys.modules, "a package is not imported: it may want what is not installed"
    asked = (["silver fox\n"], [["soup\n", "kitten naps\n"]])
    assert packaged.likelihoods_of(*asked) == given.likelihoods_of(*asked)
    assert packaged.description["model"] == "tiny_weights"


def test_what_is_missing_is_named(made, tmp_path, monkeypatch):
    folder, path, _ = made
    for name, files in (("no_weights", ()), ("two_weights", ("a.gguf", "b.gguf"))):
        (tmp_path / name).mkdir()
        for file in ("__init__.py", *files):
            (tmp_path / name / file).touch()
    (tmp_path / "broken.gguf").write_bytes(b"GGUF" + b"\0" * 40)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.syspath_prepend(str(tmp_path))
    for options, fragments in (
        ({"package": "llm_nowhere"}, ["mine.package", "'llm_nowhere' is not installed", "--no-deps llm-nowhere"]),
        ({"package": "no_weights"}, ["mine.package", "holds 0 files .gguf", "exactly one"]),
        ({"package": "two_weights"}, ["mine.package", "holds 2 files .gguf"]),
        ({"model": str(tmp_path / "broken.gguf")}, ["mine.model", "could not be loaded"]),
        ({"model": str(tmp_path / "absent.gguf")}, ["mine.model", "could not be loaded"]),
    ):
        with pytest.raises(InputError) as caught:
            LocalModel("language_models.mine", **options)
        for fragment in fragments:
            assert fragment in str(caught.value), str(caught.value)
    monkeypatch.setattr(gguf_models.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"mine\.model: .*pip install gguf"):
        LocalModel("language_models.mine", str(path))
