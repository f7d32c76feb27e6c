"""Top-K of DSSM and NFM against the bare products of the same shapes, side by side, and their peak memory."""

import numpy as np
import pytest
import torch
from small_data import random_interactions
from speed import best_seconds, in_a_process

from reelrank.models import dssm, nfm
from reelrank.training.topk import masked_scores, stable_top_k, top_k

ITEMS, CANDIDATES = 19_738, 100


def world(n_users):
    """Return the test queries of users of MicroLens' shape: 3 to 11 items each."""
    return random_interactions(1, n_users, ITEMS, 3, 11).queries("test")


def test_dssm_against_a_bare_product_and_topk():
    torch.set_num_threads(2)
    queries = world(20_000)
    model = dssm.Model({}, len(queries), ITEMS)
    model.module = model.build()
    users, items = (part.weight.detach() for part in (model.module.users, model.module.items))
    chunk = 16 * 1024 * 1024 // ITEMS

    def bare():
        for start in range(0, len(users), chunk):
            torch.topk(users[start : start + chunk] @ items.T, CANDIDATES, dim=1)

    seconds = best_seconds({"bare": bare, "ours": lambda: top_k(model, queries, CANDIDATES)}, repeats=3)
    print(f"\ndssm top-{CANDIDATES}, 512 dimensions, {len(users)} users x {ITEMS} items: ", end="")
    print(f"{seconds['ours'] / seconds['bare']:.2f}x torch.matmul and torch.topk ({seconds['ours']:.2f} s)")


def trained_nfm(size):
    """Return an untrained NFM whose BatchNorm is not the identity."""
    torch.manual_seed(1)
    model = nfm.Model({"embedding_size": size}, 1, ITEMS)
    model.module = model.build()
    norm = model.module.norm
    norm.running_mean.normal_(std=0.01)
    norm.running_var.uniform_(0.5, 2)
    norm.weight.data.uniform_(0.5, 2)
    model.module.embedding.weight.data[:-1].normal_(std=size**-0.5)
    model.module.eval()
    return model


@pytest.mark.parametrize(("size", "n_users"), [(64, 64), (256, 16), (1024, 2)])
def test_nfm_against_the_literal_formula_and_the_bare_product(size, n_users):
    torch.set_num_threads(2)
    model, queries = trained_nfm(size), world(n_users)
    items, weights = model.module.embedding.weight[:-1].detach(), torch.randn(size, size)
    history = torch.as_tensor(queries.history.last(10))
    everything = torch.arange(ITEMS)

    @torch.no_grad()
    def literal():
        return model.module(history, everything)

    def bare():
        for _ in range(n_users):
            items @ weights

    sides = {"bare": bare, "literal": literal, "ours": lambda: top_k(model, queries, CANDIDATES)}
    seconds = best_seconds(sides, repeats=4)
    mine = stable_top_k(masked_scores(model, queries), 20)[1]
    model.score = lambda users, history: literal()
    theirs = stable_top_k(masked_scores(model, queries), 20)[1]
    same = np.mean([set(a.tolist()) == set(b.tolist()) for a, b in zip(mine, theirs, strict=True)])
    faster, ratio = seconds["literal"] / seconds["ours"], seconds["ours"] / seconds["bare"]
    print(f"\nnfm top-{CANDIDATES}, {size} dimensions: {faster:.1f}x as fast as the formula over ", end="")
    print(f"{n_users} users, {ratio:.2f}x the bare product; ", end="")
    print(f"same top 20 for {same:.0%} of users")
    assert same == 1


def all_lists(kind, size, n_users):
    """Make the lists of `n_users` of 100,000 users."""
    torch.set_num_threads(2)
    queries = world(100_000)
    model = {"dssm": dssm, "nfm": nfm}[kind].Model({"embedding_size": size}, len(queries), ITEMS)
    model.module = model.build().eval()
    return top_k(model, queries[:n_users], CANDIDATES)[0].shape


@pytest.mark.parametrize(("kind", "size", "n_users"), [("dssm", 512, 100_000), ("nfm", 64, 5_000), ("nfm", 1024, 4)])
def test_peak_memory_of_all_lists(kind, size, n_users):
    shape, memory = in_a_process(all_lists, kind, size, n_users)
    print(f"\n{kind} top-{CANDIDATES}, {size} dimensions, {n_users} of 100000 users x {ITEMS} items: ", end="")
    print(f"peak memory {memory:.0f} MiB")
    assert shape == (n_users, CANDIDATES) and memory < 2000
