"""Where the files of a run lie."""

import re
from types import SimpleNamespace

import pytest

from reelrank.plan import paths as tree
from reelrank.plan.paths import JOBS, Paths, every, fill

LIST = "results/sample/temporal/lists/pop/seed2/random/valid.parquet"
WILDCARDS = SimpleNamespace(dataset="sample", protocol="temporal", base_model="pop", seed="2", reranker="random")


def patterns(paths):
    """Return the patterns of all files of a run by name."""
    return {name: value for name, value in vars(paths).items() if name != "root"}


def test_a_pattern_is_filled_by_wildcards_and_values():
    paths = Paths()
    assert fill(paths.lists, WILDCARDS, split="valid") == LIST
    assert fill(paths.lists, WILDCARDS, split="valid", reranker="identity") == fill(
        paths.base_lists, WILDCARDS, split="valid"
    )
    assert fill(paths.split, dataset="sample") == "results/sample/{protocol}/split.parquet", "what is unknown stays"


def test_every_combination_is_made_in_order():
    made = every("{a}/{b}/{c}", a=[1, 2], b=["x", "y"])
    assert made == ["1/x/{c}", "1/y/{c}", "2/x/{c}", "2/y/{c}"]
    assert every("{a}", a=[]) == []


def test_both_splits_are_named():
    assert tree.by_split("{reranker}/{split}.parquet", "{split}_of", reranker="a") == {
        "valid_of": "a/valid.parquet",
        "test_of": "a/test.parquet",
    }


def test_shards_lie_beside_the_whole():
    paths = Paths()
    shard = tree.shard_of(fill(paths.answers, split="test"))
    assert shard.endswith("{reranker}/test.answers.{scatteritem}.parquet")
    assert tree.shards_of("a.{scatteritem}.b", 2) == ["a.1-of-2.b", "a.2-of-2.b"]
    benchmark = tree.gathered_from(paths.benchmark("ask"), 3)
    assert benchmark.endswith("{reranker}.ask.all-of-3.tsv")
    assert tree.SHARD_ENDING.search(benchmark.removesuffix(".tsv"))[1] == "3"
    assert tree.SHARD_ENDING.search("a.2-of-14")[1] == "14" and not tree.SHARD_ENDING.search("a.2-of-14.ask")


def test_a_path_tells_whose_file_it_is():
    assert tree.place_of(LIST) == {"base_model": "pop", "seed": 2, "reranker": "random", "split": "valid"}
    assert tree.place_of(fill(Paths("x").ranks, WILDCARDS, split="valid")) == tree.place_of(LIST)
    assert tree.base_of_model(fill(Paths().training, WILDCARDS)) == {"base_model": "pop", "seed": 2}
    assert str(tree.base_list_beside(LIST, "test")) == fill(Paths().base_lists, WILDCARDS, split="test")
    assert tree.fusion_beside(fill(Paths().ranks, WILDCARDS, split="test")) == fill(Paths().fusion, WILDCARDS)
    features = fill(Paths().features, place="features", encoder="a", field="b")
    assert tree.description_of(features) == fill(Paths().feature_description, place="features", encoder="a", field="b")


@pytest.mark.parametrize("name", [None, "mine"])
def test_no_two_files_share_a_place(name):
    paths = Paths(name)
    files = list(patterns(paths).values())
    assert len(set(files)) == len(files)
    assert len({paths.log(job) for job in JOBS}) == len(JOBS)
    assert all(paths.benchmark(job).startswith(paths.benchmarks) for job in JOBS)


def test_a_named_run_shares_the_raw_files_alone():
    plain, named = patterns(Paths()), patterns(Paths("mine"))
    assert {key for key in plain if plain[key] == named[key]} == {"raw"}
    assert all(re.sub("^results/mine/", "results/", named[key]) == plain[key] for key in plain)
    assert Paths("mine").log("train").startswith("results/mine/logs/{dataset}/{protocol}/models/")


def test_a_constraint_matches_its_names_and_nothing_else():
    pattern = tree.one_of(["a.b", "c", 3])
    assert all(re.fullmatch(pattern, name) for name in ("a.b", "c", "3"))
    assert not any(re.fullmatch(pattern, name) for name in ("axb", "", "a"))
    assert not any(re.fullmatch(tree.one_of([]), name) for name in ("", "a"))
