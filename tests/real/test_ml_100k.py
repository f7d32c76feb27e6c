"""Steps on the real MovieLens 100K, called as plain functions."""

import json

import evaluate
import pandas as pd
import prepare
import pyarrow.parquet as pq
import pytest
import recommend
import rerank
import split
import train
import write_plan

from reelrank.config.schema import options
from reelrank.report.hit_rates import hit_rate_table

ABOUT = {"dataset": "ml-100k", "protocol": "leave_one_out", "seed": 1, "config_digest": "0"}
FILES = {"interactions": "u.data", "movies": "u.item", "users": "u.user", "genres": "u.genre"}
NFM = {
    "type": "nfm", "embedding_size": 64, "history_length": 10, "learning_rate": 0.001, "batch_size": 64, "epochs": 1,
}  # fmt: skip


@pytest.fixture(scope="module")
def prepared(shared_data, tmp_path_factory):
    """Return the folder with the prepared tables of the real data."""
    folder = tmp_path_factory.mktemp("ml-100k")
    paths = {role: shared_data(f"ml-100k/{name}") for role, name in FILES.items()}
    outputs = {
        name: folder / f"{name}.parquet" for name in ("interactions", "users", "comments", "catalogue")
    } | {"statistics": folder / "statistics.json"}  # fmt: skip
    prepare.main(paths, outputs, "movielens", ["title", "category"], {"format": "ml-100k"}, 3, {"users": 943})
    return folder


def split_by(prepared, protocol, options):
    """Split the prepared data and return the folder of the protocol and its counts."""
    folder = prepared / protocol
    outputs = {
        "split": folder / "split.parquet",
        "item_statistics": folder / "s.parquet",
        "counts": folder / "split.json",
    }
    split.main(prepared / "interactions.parquet", outputs, protocol, options)
    return folder, json.loads((folder / "split.json").read_text())


def hits_of(prepared, block, cutoffs=(5, 10, 20)):
    """Train, recommend, re-rank at random, evaluate; return hits at each n on test, by re-ranker."""
    folder, _ = split_by(prepared, "leave_one_out", {})
    data = (prepared / "interactions.parquet", folder / "split.parquet")
    out = folder / block["type"]
    weights = out / "weights.safetensors"
    kind = block["type"]
    block = {"type": kind, **options("models", kind, **{key: block[key] for key in block if key != "type"})}
    train.main(*data, {"weights": weights, "training": out / "training.parquet"}, block, 1, 2)
    about = {**ABOUT, "base_model": block["type"]}
    base = {part: out / "identity" / f"{part}.parquet" for part in ("valid", "test")}
    inputs = {"interactions": data[0], "split": data[1], "weights": weights}
    identity = {**about, "reranker": "identity", "kind": "base", "depth": 100}
    recommend.main(inputs, base, identity, "full", "float32", 2)
    shuffled = {part: out / "random" / f"{part}.parquet" for part in ("valid", "test")}
    control = {**about, "reranker": "random", "kind": "control", "depth": 20}
    rerank.main({**base, **inputs}, shuffled, control, {"type": "random", "seed": 1}, [], {}, "full")
    lists = [base["test"], shuffled["test"]]
    ranks = [path.with_suffix(".ranks.parquet") for path in lists]
    write_plan.main(out / "plan.json", {}, cutoffs)
    evaluate.main(*data, lists, out / "plan.json", ranks)
    table = hit_rate_table(ranks, cutoffs)
    assert (table["users"] == 943).all()
    return {name: rows.set_index("n")["hits"].to_dict() for name, rows in table.groupby("reranker")}


def test_prepared_counts(prepared):
    statistics = json.loads((prepared / "statistics.json").read_text())
    assert (statistics["users"], statistics["items"], statistics["interactions"]) == (943, 1682, 100000)
    assert statistics["users_whose_last_two_tie"] == 415 and statistics["differs_from_published"] == []
    users = pq.read_table(prepared / "users.parquet").to_pandas()
    assert {"age", "gender", "occupation"} <= set(users.columns)


def test_popularity_counts_every_interaction(prepared):
    hits = hits_of(prepared, {"type": "pop"})
    assert hits["identity"][10] == 81
    assert hits["random"][20] == hits["identity"][20]


def test_item_knn_reaches_what_recbole_reports(prepared):
    """RecBole reports .1145 for cosine, 100 neighbours and no shrinking; it prunes by candidate."""
    block = {"type": "item_knn", "neighbours": 100, "shrink": 0.0, "weighting": "cosine", "pruning": "candidate"}
    assert round(hits_of(prepared, block)["identity"][10] / 943, 4) == 0.1145


def test_nfm_reaches_its_bar(prepared):
    hits = hits_of(prepared, NFM)
    assert hits["identity"][10] / 943 >= 0.14
    assert hits["random"][10] < hits["identity"][10] and hits["random"][20] == hits["identity"][20]
    epochs = pd.read_parquet(prepared / "leave_one_out" / "nfm" / "training.parquet")
    assert list(epochs["epoch"]) == [1] and epochs["valid_ndcg"].iloc[0] > 0.1


def test_temporal_counts_whom_it_leaves_out(prepared):
    _, counts = split_by(prepared, "temporal", {"valid_quantile": 0.8, "test_quantile": 0.9, "min_history": 1})
    assert counts["users"] == 943
    for part in ("valid", "test"):
        assert counts[f"{part}_users"] + counts[f"users_without_{part}_target"] == 943
    assert counts["valid_users"] == 81 and counts["test_users"] == 69 and counts["users_without_enough_history"] == 192
    assert counts["train_interactions"] + counts["unused_interactions"] + 81 + 69 == 100000
