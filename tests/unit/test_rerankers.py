"""What must hold of every re-ranker. A new type is found by its schema entry; nothing here names one."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import rerank as rerank_step
from planted import ABOUT
from small_data import FixedScores, interactions_of
from small_language_model import write_small_model

from reelrank import rerank
from reelrank.config.schema import entry, load_schema, options
from reelrank.data.lists import RankedLists, concatenate, read_lists, write_lists
from reelrank.data.tables import SPLITS, write_table
from reelrank.features.matrices import write_features
from reelrank.llm.local.model import LocalModel
from reelrank.models import WEIGHTS, model_class
from reelrank.rerank.material import encoder as encoder_material
from reelrank.training import topk

TYPES = [kind for kind, own in load_schema("rerankers").items() if own["made_by"] == "rerank"]

#: Values of keys without a default, for any type that has them.
REQUIRED = {"encoder": "e", "field": "title", "language_model": "small", "base_model": "base"}
DEPTH, N_USERS, N_ITEMS = 5, 13, 24
TITLES = ["" if item % 4 == 0 else f"kitten naps {item % 5} goal of the day" for item in range(N_ITEMS)]


class HashEncoder:
    """Encodes a text by its characters: fast, and the same everywhere."""

    def encode(self, texts, role="passage"):
        """Return unit vectors, ``(n, 4)`` float32."""
        vectors = np.array([[1, len(text), sum(map(ord, text)) % 97, ord(text[0])] for text in texts], np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def variants(types=TYPES):
    """Yield ``(type, block)``: the defaults of each type, and each other value of a key that changes its needs."""
    for kind in types:
        own = entry("rerankers", kind)
        given = {key: value for key, value in REQUIRED.items() if key in own["properties"]}
        yield pytest.param(kind, options("rerankers", kind, **given), id=kind)
        for when in own.get("needs_when", ()):
            ((key, value),) = ((key, value) for key, value in when.items() if key != "needs")
            yield pytest.param(kind, options("rerankers", kind, **given, **{key: value}), id=f"{kind}-{key}-{value}")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Return a folder with the inputs that any re-ranker may need, of 13 users and 24 items."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(1)
    histories = [rng.choice(N_ITEMS, rng.integers(3, 8), replace=False) for _ in range(N_USERS)]
    data = interactions_of(histories, N_ITEMS)
    lengths = [len(history) for history in histories]
    rows = sum(lengths)
    user = np.repeat(np.arange(N_USERS, dtype=np.int32), lengths)
    position = np.concatenate([np.arange(length, dtype=np.int32) for length in lengths])
    columns = {"user": user, "item": data.items, "timestamp": np.arange(rows), "position": position}
    counts = {"n_users": str(N_USERS), "n_items": str(N_ITEMS)}
    write_table(columns, "interactions", folder / "interactions.parquet", counts)
    names = pa.DictionaryArray.from_arrays(pa.array(data.codes, pa.int8()), list(SPLITS))
    write_table({"user": user, "position": position, "split": names}, "split", folder / "split.parquet", {})
    catalogue = {
        "item": np.arange(N_ITEMS, dtype=np.int32),
        "item_id": [str(item) for item in range(N_ITEMS)],
        "title": TITLES,
    }
    write_table(catalogue, "items", folder / "items.parquet", {})
    vectors = HashEncoder().encode([title or "-" for title in TITLES])
    present = np.array([bool(title) for title in TITLES])
    write_features(folder / "title.npy", vectors * present[:, None], present, {"encoder": "e", "field": "title"})
    write_small_model(folder / "model")
    base_model = model_class("item_knn")(options("models", "item_knn"), N_USERS, N_ITEMS)
    base_model.fit(data, seed=1)
    (folder / "base").mkdir()
    base_model.save(folder / "base")
    for split in ("valid", "test"):
        queries = data.queries(split)
        items = np.array([rng.choice(N_ITEMS, DEPTH + 2, replace=False) for _ in queries.users], np.int32)
        items[3, 2:] = -1  # a short list
        scores = np.where(items < 0, -np.inf, -np.arange(DEPTH + 2.0)).astype(np.float32)
        about = {**ABOUT, "split": split, "depth": DEPTH + 2, "reranker": "identity", "kind": "base"}
        write_lists(RankedLists(queries.users.astype(np.int32), items, scores), folder / f"{split}.parquet", about)
    return folder


def run(world, folder, kind, block, shard=(1, 1), **settings):
    """Run the step into `folder`; return the lists by split."""
    needs = [*entry("rerankers", kind)["needs"]]
    for when in entry("rerankers", kind).get("needs_when", ()):
        needs += when["needs"] if all(block.get(key) == value for key, value in when.items() if key != "needs") else []
    inputs = {name: world / f"{name}.parquet" for name in ("valid", "test", "interactions", "split")}
    inputs |= {"matrices": [world / "title.npy"], "texts": [world / "items.parquet"], "model": world / "base" / WEIGHTS}
    folder.mkdir(exist_ok=True)
    outputs = {split: folder / f"{split}.{shard[0]}.parquet" for split in ("valid", "test")}
    settings = {
        "features": [("e", "title", {"type": "x"})],
        "text_fields": ["title"],
        "language_model": "small",
        "source": {"model": str(world / "model")},
        "threads": 1,
        **settings,
    }
    about = {**ABOUT, "depth": DEPTH, "kind": entry("rerankers", kind).get("kind", "control")}
    rerank_step.main(inputs, outputs, about, {"type": kind, **block}, needs, settings, "full", shard)
    return {split: read_lists(path)[0] for split, path in outputs.items()}


@pytest.fixture(autouse=True)
def hash_encoder(monkeypatch):
    """Load the fast encoder instead of one with weights."""
    monkeypatch.setattr(encoder_material, "build_encoder", lambda *given: HashEncoder())
    monkeypatch.setenv("REELRANK_DEVICE", "cpu")


def test_each_type_has_its_file_and_each_file_its_type():
    files = {path.stem for path in Path(rerank.__file__).parent.glob("[a-z]*.py")}
    assert files == set(TYPES)


@pytest.mark.parametrize(("kind", "block"), variants())
def test_lists_are_permutations_and_the_same_twice(world, tmp_path, kind, block):
    found = run(world, tmp_path / "once", kind, block)
    for split, lists in found.items():
        base = read_lists(world / f"{split}.parquet", DEPTH)[0].of_rows(slice(None))
        rows = np.searchsorted(base.users, lists.users)
        assert (np.sort(lists.items) == np.sort(base.items[rows])).all()
        assert np.isfinite(lists.scores[lists.present]).all()
    run(world, tmp_path / "twice", kind, block)
    for split in found:
        name = f"{split}.1.parquet"
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "twice" / name).read_bytes()


@pytest.mark.parametrize("shards", [2, 5])
@pytest.mark.parametrize(("kind", "block"), variants())
def test_shards_are_the_whole(world, tmp_path, monkeypatch, kind, block, shards):
    monkeypatch.setattr(rerank.reranker_class(kind), "users_together", 4)
    monkeypatch.setattr(topk, "PAIRS_PER_CHUNK", 4 * N_ITEMS)  # four, too, where the catalogue decides how many
    whole = run(world, tmp_path / "whole", kind, block)
    found = [run(world, tmp_path / "shards", kind, block, (number, shards)) for number in range(1, shards + 1)]
    for split, lists in whole.items():
        gathered = concatenate([own[split] for own in found if len(own[split].users)])
        assert gathered.items.tobytes() == lists.items.tobytes()
        assert gathered.scores.tobytes() == lists.scores.tobytes() and (gathered.users == lists.users).all()


def plug_in(kind, block, world, titles=TITLES):
    """Return a re-ranker whose items have these titles, and what it needs of vectors made of them."""
    present = np.array([bool(title) for title in titles])
    vectors = HashEncoder().encode([title or "-" for title in titles]) * present[:, None]
    material = SimpleNamespace(
        about={**ABOUT},
        data=SimpleNamespace(n_items=len(titles)),
        vectors=[(vectors.astype(np.float32), present)],
        texts=list(titles),
        encoder=HashEncoder(),
        base_model=FixedScores([list(map(len, titles))] * N_USERS),
        language_model=LocalModel("small", str(world / "model")) if "language_model" in block else None,
    )
    return rerank.reranker_class(kind)(block, material)


def histories_of(rows, n_items):
    """Return `Histories` of lists of items (any may be empty)."""
    whole = interactions_of([[item for row in rows for item in row] or [0]], n_items).training()
    ends = np.cumsum([len(row) for row in rows])
    return type(whole)(whole.items, ends - [len(row) for row in rows], ends, n_items)


@pytest.mark.parametrize(("kind", "block"), variants([kind for kind in TYPES if entry("rerankers", kind)["reads"]]))
def test_what_cannot_be_told_apart_keeps_the_base_order(world, kind, block):
    items = np.array([[4, 2, 1, -1], [3, 0, 5, 1], [1, 2, 3, 4]], np.int32)
    lists = RankedLists(np.arange(3, dtype=np.int32), items, np.zeros(items.shape, np.float32))
    histories = histories_of([[0, 5], [], [5]], 6)
    for titles in (["kitten naps"] * 6, [""] * 6):
        reranker = plug_in(kind, block, world, titles)
        reranker.begin("test", lists)
        scores = reranker.scores(lists, histories)
        assert scores.shape == items.shape and scores.dtype == np.float32
        assert (lists.reordered(scores).items == items).all(), "equal titles, or none, are ties"


@pytest.mark.parametrize(("kind", "block"), variants())
def test_users_without_history_and_items_without_text_get_scores(world, kind, block):
    items = np.array([[0, 2, 1, 4], [3, 0, 5, -1]], np.int32)
    lists = RankedLists(np.arange(2, dtype=np.int32), items, np.zeros(items.shape, np.float32))
    reranker = plug_in(kind, block, world, ["", "soup", "fox", "", "goal", "a b"])
    reranker.begin("valid", lists)
    scores = reranker.scores(lists, histories_of([[], []], 6))
    assert np.isfinite(scores[lists.present]).all()


def test_an_entry_names_needs_that_exist():
    known = {path.stem for path in (Path(rerank.__file__).parent / "material").glob("[a-z]*.py")}
    for kind in TYPES:
        own = entry("rerankers", kind)
        wanted = {*own["needs"], *(need for when in own.get("needs_when", ()) for need in when["needs"])}
        assert wanted <= known, f"{kind}: {json.dumps(sorted(wanted - known))} is no file of rerank/material"
