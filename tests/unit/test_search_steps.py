"""The steps of a search: valid judges, test is never read, and a killed search continues."""

import importlib.util
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fuse_fixture import tables
from small_data import checkerboard

from reelrank.config.schema import options as complete_options
from reelrank.data.interactions import load_interactions, some_rows
from reelrank.data.lists import RankedLists, read_lists, write_lists
from reelrank.data.splits import TEST
from reelrank.files import read_json
from reelrank.models import model_class
from reelrank.rerank.signals import valid_value
from reelrank.training.topk import top_k

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"

#: A search of a few trials.
SEARCH = {"trials": 3, "seed": 1, "validation_users": 40}

#: Ranges by type of model.
RANGES = {
    "ease": {"regularization": {"low": 1.0, "high": 100.0, "log": True}},
    "sasrec": {"negatives": [0, 2, 4], "learning_rate": {"low": 0.001, "high": 0.1, "log": True}},
}
SMALL = {"sasrec": {"embedding_size": 8, "epochs": 2, "history_length": 4}}


def step_main(name):
    """Return the function `main` of a step."""
    spec = importlib.util.spec_from_file_location(f"step_{name}", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


def corrupt_test(paths, codes):
    """Write another item into every held-out row of test."""
    table = pq.read_table(paths["interactions"])
    items = table["item"].to_numpy().copy()
    items[codes == TEST] = (items[codes == TEST] + 7) % 40
    number = table.column_names.index("item")
    pq.write_table(table.set_column(number, table.schema.field("item"), pa.array(items)), paths["interactions"])


def search_model(paths, folder, kind="ease", **settings):
    """Run the step for a model; return the bytes of its trials."""
    options = complete_options("models", kind, **SMALL.get(kind, {}))
    ranges = RANGES[kind]
    wanted = {**SEARCH, "ranges": ranges, "shipped": {key: options[key] for key in ranges}, **settings}
    outputs = {"trials": str(folder / "trials.json")}
    step_main("search_model")(
        str(paths["interactions"]), str(paths["split"]), outputs, {"type": kind, **options}, wanted, threads=1, code="c"
    )
    return Path(outputs["trials"]).read_bytes()


@pytest.fixture
def paths(tmp_path):
    """Return the tables of small data in which a user likes every second item."""
    return tables(tmp_path, checkerboard())


@pytest.mark.parametrize("kind", RANGES)
def test_a_model_is_searched_and_test_is_never_read(paths, tmp_path, kind):
    first = search_model(paths, tmp_path / "a", kind)
    found = read_json(tmp_path / "a" / "trials.json")
    assert found["users"] == 40 and len(found["trials"]) == 4
    assert (
        len({row["valid_ndcg"] for row in found["trials"]}) > 1
        and max(row["valid_ndcg"] for row in found["trials"]) > 0
    )
    corrupt_test(paths, checkerboard().codes)
    assert search_model(paths, tmp_path / "b", kind) == first
    assert not list((tmp_path / "a").glob("checkpoint*"))


def test_the_value_is_that_of_the_model_as_the_run_trains_it(paths, tmp_path):
    search_model(paths, tmp_path / "a", validation_users=1000)
    data = load_interactions(paths["interactions"], paths["split"])
    row = read_json(tmp_path / "a" / "trials.json")["trials"][2]
    model = model_class("ease")(complete_options("models", "ease", **row["options"]), data.n_users, data.n_items)
    model.fit(data, 1)
    queries = data.queries("valid")
    items, _ = top_k(model, queries, 10)
    hits = np.argwhere(items == queries.targets[:, None])[:, 1]
    assert row["valid_ndcg"] == pytest.approx((1 / np.log2(hits + 2)).sum() / len(queries), abs=1e-8)


@pytest.mark.parametrize("epochs", [2, 3, 5])
def test_a_killed_search_of_a_model_continues(paths, tmp_path, epochs, monkeypatch):
    from reelrank.training import loop

    first, done = search_model(paths, tmp_path / "a", "sasrec"), []
    whole = loop._run_epoch

    class Killed(BaseException):
        """Stops a search as a kill does."""

    def killed(*arguments):
        """Stop after some epochs, of which each trial has two."""
        done.append(1)
        if len(done) > epochs:
            raise Killed
        return whole(*arguments)

    monkeypatch.setattr(loop, "_run_epoch", killed)
    with pytest.raises(Killed):
        search_model(paths, tmp_path / "b", "sasrec")
    assert not (tmp_path / "b" / "trials.json").exists()
    assert bool(list((tmp_path / "b").glob("checkpoint*"))) == bool(epochs % 2), (
        "a training goes on after its last epoch"
    )
    done.clear()
    monkeypatch.setattr(loop, "_run_epoch", lambda *arguments: done.append(1) or whole(*arguments))
    assert search_model(paths, tmp_path / "b", "sasrec") == first
    assert len(done) == 8 - epochs


def test_a_diverging_trial_is_recorded(paths, tmp_path):
    search_model(paths, tmp_path, "sasrec", ranges={"learning_rate": [1e30, 0.01]}, shipped={"learning_rate": 0.01})
    states = {row["options"]["learning_rate"]: row for row in read_json(tmp_path / "trials.json")["trials"][1:3]}
    assert states[1e30]["state"] == "failed" and "learning_rate" in states[1e30]["reason"]
    assert states[0.01]["valid_ndcg"] > 0


# Fusions.


def about(depth, reranker):
    """Return the metadata of lists."""
    common = {"dataset": "d", "protocol": "p", "base_model": "b", "seed": 1, "split": "valid", "config_digest": "x"}
    return {
        **common,
        "reranker": reranker,
        "kind": "base" if reranker == "identity" else "discriminative",
        "depth": depth,
    }


@pytest.fixture
def lists(tmp_path, paths):
    """Return the valid base list of random items, and a signal that knows half of the held-out items."""
    data = checkerboard()
    queries, rng = data.queries("valid"), np.random.default_rng(1)
    items = np.stack([rng.choice(data.n_items, 12, replace=False) for _ in queries.targets]).astype(np.int32)
    missed = ~(items == queries.targets[:, None]).any(1)
    items[missed, 7] = queries.targets[missed]
    base = RankedLists(
        queries.users.astype(np.int32), items, -np.arange(12, dtype=np.float32)[None].repeat(len(items), 0)
    )
    told = (items == queries.targets[:, None]) * (rng.random(len(items)) < 0.5)[:, None] + rng.random(items.shape) / 2
    files = {name: tmp_path / f"{name}.parquet" for name in ("valid", "signal")}
    write_lists(base, files["valid"], about(12, "identity"))
    write_lists(base.reordered(told.astype(np.float32)), files["signal"], about(12, "signal"), base)
    return files


def search_fusion(paths, lists, folder, kind, ranges, **given):
    """Run the step for a fusion; return the bytes of its trials."""
    options = complete_options("rerankers", kind, **given)
    options = {key: value for key, value in options.items() if key not in ("depth", "signals", "similarities", "words")}
    signals = [path for path in [lists["signal"]] if path]
    stage = {"signals": ["signal"] * len(signals), "similarities": [], "words": []}
    fusion = {"type": kind, "stage": stage, "features": [], "words": {}, "options": options, "depth": 12}
    wanted = {**SEARCH, "ranges": ranges, "shipped": {key: options[key] for key in ranges}}
    inputs = {
        **{name: str(path) for name, path in paths.items()},
        "valid": lists["valid"],
        "signals": signals,
    }
    outputs = {"trials": str(folder / "trials.json")}
    step_main("search_fusion")(inputs, outputs, fusion, wanted, "full", threads=1, code="c")
    return Path(outputs["trials"]).read_bytes()


FUSIONS = {
    "rrf": {"k": {"low": 1.0, "high": 100.0, "log": True}},
    "zscore": {"threshold": [0.0, 1.0, 100.0]},
    "lambdamart": {"num_leaves": [2, 4, 8], "min_data_in_leaf": [5, 20]},
}


@pytest.mark.parametrize("kind", FUSIONS)
def test_a_fusion_is_searched_and_test_is_never_read(paths, lists, tmp_path, kind):
    given = {"lambdamart": {"rounds": 20}}.get(kind, {})
    first = search_fusion(paths, lists, tmp_path / "a", kind, FUSIONS[kind], **given)
    found = read_json(tmp_path / "a" / "trials.json")
    assert found["users"] == 40 and len(found["trials"]) == 4
    assert all(0 < row["valid_ndcg"] <= 1 for row in found["trials"])
    corrupt_test(paths, checkerboard().codes)
    assert search_fusion(paths, lists, tmp_path / "b", kind, FUSIONS[kind], **given) == first


def test_the_value_of_a_fusion_without_signals_is_that_of_the_base_list(paths, lists, tmp_path):
    search_fusion(paths, {**lists, "signal": None}, tmp_path, "zscore", FUSIONS["zscore"])
    values = {row["valid_ndcg"] for row in read_json(tmp_path / "trials.json")["trials"]}
    base, targets = read_lists(lists["valid"])[0], checkerboard().queries("valid").targets
    rows = some_rows(len(base.users), 40, 1)
    ranks = np.argwhere(base.items[rows] == targets[rows][:, None])[:, 1]
    gains = np.where(ranks < 10, 1 / np.log2(ranks + 2), 0)
    assert values == {round(gains.mean(), 8)}


def test_no_user_is_scored_by_weights_that_were_fitted_on_the_same_user(monkeypatch, paths, lists):
    from reelrank.rerank.signals.aligned import align, truth_columns

    aligned = align(read_lists(lists["valid"])[0], {"signal": lists["signal"]}, 12)
    truth, fitted, scored = truth_columns(aligned.lists, checkerboard().queries("valid")), [], []

    def fit(kind, valid, own, options, stages, material):
        """Note who fits."""
        assert len(own) == len(valid.lists.users)
        fitted.append(set(valid.lists.users.tolist()))
        return {}, {}

    def score(kind, known, split, own, material):
        """Note who is scored."""
        users = set(own.lists.users.tolist())
        assert not users & fitted[-1]
        scored.append(users)
        return own.scores["signal"]

    monkeypatch.setattr(valid_value, "fit", fit)
    monkeypatch.setattr(valid_value, "score", score)
    valid_value.valid_value("zscore", aligned, truth, {}, {"signals": ["signal"]}, {}, 1)
    assert sorted(user for part in scored for user in part) == aligned.lists.users.tolist()
    assert all(len(part) < len(truth) for part in fitted)
