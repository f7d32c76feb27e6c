"""The re-ranker `recommender`: candidates get the scores of another base model, which the run trains."""

from types import SimpleNamespace

import numpy as np
import pytest
import rerank as rerank_step
import torch
from configs import REPOSITORY, completed, refused
from planted import ABOUT
from small_data import random_interactions

from reelrank.config.complete import reranker_depth, reranker_kind
from reelrank.config.reads import reads
from reelrank.config.schema import options
from reelrank.data.lists import RankedLists
from reelrank.models import model_class
from reelrank.plan.plan import Plan
from reelrank.rerank.recommender import Reranker
from reelrank.training import topk

DATA = random_interactions(seed=4, n_users=15, n_items=20)
SMALL = {"item_knn": {}, "nfm": {"embedding_size": 8, "batch_size": 16, "epochs": 2}, "ease": {}}
MODELS = {
    "theirs": {"type": "external", "test": "theirs.csv", "valid": "theirs_valid.csv"},
    "both": {"type": "union", "of": ["pop", "item_knn"]},
    "titled": {"type": "sasrec", "item_input": {"encoder": "all-MiniLM-L6-v2", "field": "title", "as": "add"}},
}


def over(base_model, **block):
    """Return an overlay that runs a re-ranker by the scores of a base model over other base models."""
    return {
        "models": MODELS,
        "rerankers": {"scores": {"type": "recommender", "base_model": base_model, **block}},
        "run": {"base_models": ["pop", "theirs"], "rerankers": ["identity", "scores"]},
    }


def fitted(kind):
    """Return a small fitted model of that type."""
    torch.set_num_threads(1)
    model = model_class(kind)(options("models", kind, **SMALL[kind]), DATA.n_users, DATA.n_items)
    model.fit(DATA, seed=1)
    return model


def candidates(depth=6):
    """Return the test queries, and lists of random items for them, one of which is short."""
    queries = DATA.queries("test")
    rng = np.random.default_rng(2)
    items = np.array([rng.choice(DATA.n_items, depth, replace=False) for _ in queries.users], np.int32)
    items[1, 3:] = -1
    return queries, RankedLists(queries.users.astype(np.int32), items, np.zeros(items.shape, np.float32))


@pytest.mark.parametrize("users_together", [1, 4, 1000])
@pytest.mark.parametrize("kind", SMALL)
def test_scores_are_those_of_the_model_whatever_the_batch(monkeypatch, kind, users_together):
    monkeypatch.setattr(topk, "PAIRS_PER_CHUNK", users_together * DATA.n_items)
    model = fitted(kind)
    queries, lists = candidates()
    reranker = Reranker({"base_model": kind}, SimpleNamespace(data=DATA, about=ABOUT, base_model=model))
    assert reranker.users_together == users_together
    found = rerank_step.score_all(reranker, lists, queries.history)
    with torch.no_grad():
        whole = torch.as_tensor(model.score(queries.users, queries.history)).numpy()
    expected = np.take_along_axis(whole, np.maximum(lists.items, 0), axis=1)
    assert found.dtype == np.float32 and len(np.unique(expected)) > 2, "scores that differ"
    np.testing.assert_allclose(found[lists.present], expected[lists.present], rtol=1e-5)


def test_the_lists_of_a_model_keep_their_order_by_its_own_scores():
    model, queries = fitted("item_knn"), DATA.queries("test")
    lists = RankedLists(queries.users.astype(np.int32), *topk.top_k(model, queries, 8))
    reranker = Reranker({}, SimpleNamespace(data=DATA, about=ABOUT, base_model=model))
    again = lists.reordered(reranker.scores(lists, queries.history))
    assert (again.items == lists.items).all()


@pytest.mark.parametrize(
    ("base_model", "fragments"),
    [
        ("theirs", ["'theirs' is of type external", "no scores of other candidates", "a base model that is trained"]),
        ("both", ["'both' is of type union", "no scores of other candidates", "a base model that is trained"]),
        ("item_kn", ["unknown name 'item_kn'", "did you mean item_knn"]),
    ],
)
def test_a_base_model_that_cannot_score_is_refused_with_the_reason(base_model, fragments):
    refused(over(base_model), "config key rerankers.scores.base_model: ", *fragments)


def test_other_mistakes_of_its_block_are_refused_by_their_key():
    refused(over("item_knn", depth=101), "rerankers.scores.depth", "found 101", "at most candidates, 100")
    missing = over("item_knn")
    del missing["rerankers"]["scores"]["base_model"]
    refused(missing, "rerankers.scores", "'base_model' is a required property")
    wrong = over("titled")
    wrong["models"] = {**MODELS, "titled": {**MODELS["titled"], "item_input": {"encoder": "e5", "field": "title"}}}
    refused(wrong, "models.titled.item_input", "'e5'")


def test_it_is_collaborative_and_reads_what_its_model_reads():
    config = completed(over("item_knn"))
    assert (reranker_kind(config, "scores"), reranker_depth(config, "scores")) == ("collaborative", 100)
    assert reads(config, "rerankers", "scores") == {"interactions"}
    assert reads(completed(over("titled")), "rerankers", "scores") == {"interactions", "encoder"}
    assert reranker_depth(completed({**over("item_knn"), "candidates": 50}), "scores") == 50


def test_what_its_model_reads_is_checked_described_and_audited():
    comments = {"encoder": "all-MiniLM-L6-v2", "field": "title_comments", "as": "add"}
    overlay = over("titled")
    overlay["models"] = {**MODELS, "titled": {"type": "sasrec", "item_input": comments}}
    own = SimpleNamespace(dataset="sample", protocol="leave_one_out")
    plan = Plan(completed(overlay), REPOSITORY)
    assert ("all-MiniLM-L6-v2", "title_comments") in plan.features.used()
    texts = "results/sample/leave_one_out/texts/comments.parquet"
    assert plan.audit.texts(own) == [texts], "its texts hold comments, which must be of training interactions"
    joined = {"title_comments": ["title", "coments"]}
    refused({**overlay, "joined_fields": joined}, "joined_fields.title_comments", "did you mean comments")


def test_its_model_is_trained_with_the_seed_of_the_list_though_it_makes_no_lists():
    plan = Plan(completed(over("item_knn")), REPOSITORY)
    assert plan.selection.trained == ["pop", "item_knn"] and plan.selection.base_models == ["pop", "theirs"]
    assert plan.reranking.heavy == ["scores"], "it runs a model in its job"
    for protocol in ("leave_one_out", "leave_one_out_redrawn"):  # redrawn targets do not change what is learned
        own = SimpleNamespace(dataset="sample", protocol=protocol, base_model="theirs", seed="3", reranker="scores")
        inputs = plan.reranking.inputs(own)
        folder = "results/sample/leave_one_out/models/item_knn/seed3"
        assert inputs["model"] == f"{folder}/weights.safetensors" and inputs["model_description"].startswith(folder)
        assert inputs["test"] == f"results/sample/{protocol}/lists/theirs/seed3/identity/test.parquet"
    assert plan.code.loaded("rerank.py", own) == [
        "reelrank/rerank/recommender.py", "reelrank/rerank/material/base_model.py", "reelrank/models/item_knn.py",
    ]  # fmt: skip
