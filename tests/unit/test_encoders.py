"""Encoders behind their interface: services on the loopback interface; what cannot be loaded."""

import contextlib
import json
import os
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from reelrank.config.schema import options as complete_options
from reelrank.errors import InputError
from reelrank.features.encoders import build_encoder as build_complete_encoder
from reelrank.features.encoders import encode_present, huggingface, openai
from reelrank.features.vector_cache import VectorCache, encode_through_cache
from reelrank.llm.ask.request_cache import AnswerCache

TEXTS = ["short", "a longer title", "😂 emoji", "עברית", "مرحبا", "x" * 10_000, "", "  ", "short"]


def build_encoder(name, block):
    """Build the encoder of a block, completed as the config's are."""
    kind, given = block["type"], {key: value for key, value in block.items() if key != "type"}
    return build_complete_encoder(name, {"type": kind, **complete_options("encoders", kind, **given)})


def vector_of(text):
    """Return what the loopback services answer for a text."""
    return [float(len(text)), float(sum(text.encode()) % 97), 1.0]


@contextlib.contextmanager
def service(answer):
    """Serve ``answer(request body) -> (status, body)``; yield the address and the requests seen."""
    seen = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            seen.append((body, self.headers.get("Authorization")))
            status, content = answer(body, len(seen))
            content = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            """Keep the tests' output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def openai_answer(body, number):
    """Answer as OpenAI does, but for the first request, which is turned away, and in another order."""
    if number == 1:
        return 429, {"error": {"message": "slow down"}}
    rows = [{"object": "embedding", "index": i, "embedding": vector_of(text)} for i, text in enumerate(body["input"])]
    return 200, {
        "object": "list",
        "model": body["model"],
        "data": rows[::-1],
        "usage": {"prompt_tokens": 1, "total_tokens": 1},
    }


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keep the request cache of each test apart."""
    monkeypatch.setenv("REELRANK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TEST_KEY", "secret-of-the-test")
    return tmp_path / "cache"


def check_contract(encoder):
    """Check what every text encoder must do."""
    vectors, present = encode_present(encoder, TEXTS)
    assert present.tolist() == [True] * 6 + [False, False, True]
    assert vectors.dtype == np.float32 and not vectors[~present].any()
    np.testing.assert_allclose(np.linalg.norm(vectors[present], axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[8])
    assert {"model", "source", "revision"} <= set(encoder.description)
    assert len(np.unique(vectors[:6].round(6), axis=0)) == 6
    return vectors


def test_an_openai_endpoint_is_asked_in_batches_once(own_cache, monkeypatch):
    monkeypatch.setattr(openai, "BATCH_SIZE", 2)
    block = {"type": "openai", "model": "m", "key_variable": "TEST_KEY", "passage_prefix": "p: "}
    with service(openai_answer) as (url, seen):
        first = check_contract(build_encoder("own", {**block, "base_url": url}))
        asked = len(seen)
        again = build_encoder("own", {**block, "base_url": url})
        np.testing.assert_array_equal(first, check_contract(again))
        assert len(seen) == asked == 4 and again.client is None, "the second time comes from the cache"
        expected = np.array(vector_of("p: short"))
        np.testing.assert_allclose(first[0], expected / np.linalg.norm(expected), atol=1e-5)
        encode_present(again, ["short"], "query")
        assert seen[-1][0]["input"] == ["short"] and seen[-1][1] == "Bearer secret-of-the-test"
    kept = b"".join(path.read_bytes() for path in own_cache.rglob("*") if path.is_file())
    assert kept and b"secret" not in kept


def test_what_was_paid_for_survives_a_failure(own_cache, monkeypatch):
    monkeypatch.setenv("REELRANK_CONCURRENCY", "1")
    monkeypatch.setattr(openai, "BATCH_SIZE", 1)
    monkeypatch.setattr(openai, "MAX_ATTEMPTS", 1)
    block = {"type": "openai", "model": "m", "key_variable": "TEST_KEY"}

    def fails_at_three(body, number):
        return openai_answer(body, 2) if number < 3 else (400, {"error": {"message": "no more"}})

    with service(fails_at_three) as (url, _), pytest.raises(InputError, match=r"encoders.own.*'m'.*no more"):
        build_encoder("own", {**block, "base_url": url}).encode(["a", "b", "c", "d"])
    assert len(list(own_cache.rglob("*.npy"))) == 2


def test_a_missing_key_is_named(monkeypatch):
    monkeypatch.delenv("TEST_KEY")
    for kind in ("openai", "huggingface"):
        with pytest.raises(InputError, match=r"encoders.own.key_variable.*'TEST_KEY' is not set"):
            build_encoder("own", {"type": kind, "model": "m", "key_variable": "TEST_KEY"}).encode(["a"])


def test_feature_extraction_of_hugging_face(monkeypatch):
    monkeypatch.setattr(huggingface, "RETRY_WAIT_S", 0.01)

    def answer(body, number):
        if number == 1:
            return 503, {"error": "loading"}
        vector = vector_of(body["inputs"])
        return 200, [[vector, vector]] if number % 2 else vector  # of tokens, or of the text

    block = {"type": "huggingface", "key_variable": "TEST_KEY"}
    with service(answer) as (url, seen):
        check_contract(build_encoder("own", {**block, "model": url}))
        assert len(seen) == 7
        check_contract(build_encoder("own", {**block, "model": url}))
        assert len(seen) == 7


@pytest.mark.parametrize("kind", ["openai", "huggingface"])
def test_an_endpoint_that_is_not_there_is_named(kind, monkeypatch):
    monkeypatch.setattr({"openai": openai, "huggingface": huggingface}[kind], "MAX_ATTEMPTS", 1)
    block = {"type": kind, "model": "http://127.0.0.1:9", "key_variable": "TEST_KEY"}
    if kind == "openai":
        block |= {"model": "m", "base_url": "http://127.0.0.1:9"}
    with pytest.raises(InputError, match=r"config key encoders.own: .*127.0.0.1:9"):
        build_encoder("own", block).encode(["a"])


@pytest.mark.parametrize("vector", [[float("nan"), 1.0], []])
def test_an_answer_that_is_no_vector_is_not_kept(own_cache, vector):
    with pytest.raises(InputError, match="this answer is not cached"):
        encode_through_cache(["a"], VectorCache({}), lambda batch: [vector] * len(batch), 1)
    assert not list(own_cache.rglob("*.npy"))


def test_shards_may_keep_the_same_vector_at_a_time(own_cache):
    cache = VectorCache({})
    cache.write("a", [1.0, 2.0])
    other = cache.path("a").parent / f".{cache.path('a').name}.12345.tmp"
    other.write_bytes(b"being written by another shard")
    cache.write("a", [1.0, 2.0])
    assert other.exists() and cache.read("a").tolist() == [1, 2]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_vector_is_readable_for_whom_the_umask_lets_read(own_cache, umask, mode):
    before = os.umask(umask)
    try:
        VectorCache({}).write("a", [1.0, 2.0])
    finally:
        os.umask(before)
    assert stat.S_IMODE(VectorCache({}).path("a").stat().st_mode) == mode


def test_what_a_kill_left_of_a_vector_is_removed(own_cache, monkeypatch):
    cache = VectorCache({})
    cache.write("a", [1.0, 2.0])
    folder = cache.path("a").parent
    stale, young = folder / "tmpabc.tmp", folder / f".{cache.path('a').name}.0.tmp"
    for path in (stale, young):
        path.write_bytes(b"half")
    os.utime(stale, (1e9, 1e9))
    cache.check_writable()
    assert young.exists() and not stale.exists() and cache.read("a") is not None
    monkeypatch.setattr(np, "save", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        cache.write("a", [3.0, 4.0])
    assert len(list(folder.iterdir())) == 2 and cache.read("a").tolist() == [1, 2]


def test_a_shared_cache_is_enough_where_it_holds_all(own_cache, tmp_path, monkeypatch):
    VectorCache({}).write("a", [3.0, 4.0])
    monkeypatch.setenv("REELRANK_CACHE_SHARED", os.environ["REELRANK_CACHE"])
    monkeypatch.setenv("REELRANK_CACHE", str(tmp_path / "file" / "own"))
    (tmp_path / "file").touch()  # no folder can be made in it
    asked = []

    def fetch(batch):
        asked.extend(batch)
        return [[1.0, 0.0]] * len(batch)

    assert encode_through_cache(["a"], VectorCache({}), fetch, 1).tolist() == [[np.float32(0.6), np.float32(0.8)]]
    with pytest.raises(InputError, match=r"own.*the cache of vectors cannot be written.*set REELRANK_CACHE"):
        encode_through_cache(["a", "b"], VectorCache({}), fetch, 1)
    assert not asked, "nothing is paid for that could not be kept"


@pytest.mark.parametrize("name", ["nowhere", "file"])
def test_a_shared_cache_that_cannot_be_read_is_not_paid_for_again(tmp_path, monkeypatch, name):
    (tmp_path / "file").touch()
    monkeypatch.setenv("REELRANK_CACHE_SHARED", f"{tmp_path}:{tmp_path / name}")
    with pytest.raises(InputError, match=f"REELRANK_CACHE_SHARED: {tmp_path / name}: found no readable folder"):
        VectorCache({})
    monkeypatch.setenv("REELRANK_CACHE_SHARED", "~")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert VectorCache({}).folders[-1] == tmp_path / "embeddings"


def test_answers_and_vectors_have_one_folder(own_cache, monkeypatch):
    assert VectorCache({}).folder.parent == AnswerCache().folder
    monkeypatch.delenv("REELRANK_CACHE")
    assert VectorCache({}).folder.parent == AnswerCache().folder


def test_the_environment_does_not_decide_who_is_asked(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9")
    encoder = build_encoder("own", {"type": "openai", "model": "m", "key_variable": "TEST_KEY"})
    assert str(encoder._connected().base_url).startswith("https://api.openai.com/")


def test_a_clip_that_is_not_there_is_named_with_the_nearest():
    for block, message in [
        ({"architecture": "ViT-B-23", "pretrained": "openai"}, r"no 'ViT-B-23'; did you mean .*ViT-B-32"),
        (
            {"architecture": "ViT-B-32", "pretrained": "opanai"},
            r"neither a .* nor a tag .*did you mean openai",
        ),
        ({"architecture": "ViT-B-32"}, "an untrained model is useless"),
        ({"architecture": {"embed_dim": 8}, "pretrained": "x"}, "open_clip cannot build it"),
    ]:
        with pytest.raises(InputError, match=message):
            build_encoder("own", {"type": "open_clip", **block})


def test_a_model_that_cannot_be_had_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"encoders.own.model: 'all-MiniLM-L7-v2'.*FOLDER.*") as raised:
        build_encoder("own", {"type": "sentence_transformer", "model": "all-MiniLM-L7-v2"})
    assert "network" in str(raised.value)
    with pytest.raises(InputError, match=r"'ViT-B-32' with weights 'openai'.*checkpoint file that you have|ViT-B-32"):
        build_encoder("own", {"type": "open_clip", "architecture": "ViT-B-32", "pretrained": "openai"})
