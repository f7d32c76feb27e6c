"""Lists scored again with other held-out items: an honest run passes, each planted leak is named by row and column."""

from dataclasses import replace

import fuse
import numpy as np
import pytest
import recommend
import rerank
import rescore_fusions
import rescore_lists
from fuse_fixture import fuse_arguments, tables
from planted import ABOUT, planted_interactions, signal

from reelrank.audit import rescoring
from reelrank.audit.run_lists import check_rescored
from reelrank.config.schema import options as complete_options
from reelrank.data.interactions import Histories, Interactions
from reelrank.data.lists import read_lists, write_lists
from reelrank.data.splits import TEST, VALID
from reelrank.files import read_json
from reelrank.models import model_class
from reelrank.rerank.signals.aligned import truth_columns
from reelrank.rerank.signals.context import Context

SETTINGS = {"users": 40, "slow_users": 10, "seed": 1, "threads": 1}
SPLITS = ("valid", "test")
USERS = 120


@pytest.fixture
def world(tmp_path):
    """Return a folder with prepared tables, base lists and the lists of one signal, and the interactions."""
    data, lists = planted_interactions(1, USERS)
    inputs, signals = tables(tmp_path, data), {"s": {}}
    rng = np.random.default_rng(0)
    for part, base in lists.items():
        inputs[part], signals["s"][part] = tmp_path / f"{part}.parquet", tmp_path / f"s.{part}.parquet"
        write_lists(base, inputs[part], {**ABOUT, "reranker": "identity", "split": part, "kind": "base"})
        ranked = base.reordered(signal(rng, truth_columns(base, data.queries(part)), 20, 0.5))
        write_lists(ranked, signals["s"][part], {**ABOUT, "split": part})
    return tmp_path, inputs, signals, data


def fused(world, rescored_only=False):
    """Fuse and score again, as the rules do; return the rows by fusion and split."""
    folder, inputs, signals, _ = world
    given = complete_options("rerankers", "lambdamart", min_data_in_leaf=5, num_leaves=4) | {"threshold": -100.0}
    stage = {"signals": ["s"], "similarities": [], "words": []}
    left_out = ("signals", "similarities", "words", "depth")
    fusions = {
        kind: {
            "type": kind, "stages": [stage if kind == "lambdamart" else {"signals": ["s"]}],
            "rung": "no_text", "rung_of": kind,
            "options": {key: value for key, value in of.items() if key not in left_out},
            "about": {**ABOUT, "reranker": kind, "kind": "fusion", "depth": 20},
        }
        for kind, of in (("lambdamart", given), ("zscore", complete_options("rerankers", "zscore")))
    }  # fmt: skip
    outputs = {
        name: {key: folder / name / f"{key}.out" for key in (*SPLITS, "description", "fitted")} for name in fusions
    }
    arguments = fuse_arguments(inputs, signals, outputs)
    if not rescored_only:
        fuse.main(**arguments, fusions=fusions, history="full", threads=1)
    again = {key: value for key, value in arguments["inputs"].items() if key not in SPLITS}
    again |= {f"base_{part}": inputs[part] for part in SPLITS} | arguments["outputs"]
    shared = {key: arguments[key] for key in ("signals", "features", "words")}
    path = folder / "rescored.json"
    rescore_fusions.main(again, {"rows": path}, fusions, **shared, history="full", audit_settings=SETTINGS)
    return {(row["reranker"], row["split"]): row for row in read_json(path)}


def failed(rows):
    """Return the names of the rows with a fault, and all faults."""
    checks = check_rescored(list(rows.values()), [5, 10], {"base_models": [], "rerankers": []})
    return {name for name, row in rows.items() if row["changed"]}, "\n".join(
        fault for check in checks for fault in check.failures
    )


@pytest.mark.parametrize("seed", range(20))
def test_other_held_out_items_leave_what_lists_may_read(seed):
    data, lists = planted_interactions(seed, 60)
    for split in SPLITS:
        held_out = rescoring.audited(data, split, lists[split].users, 1000, seed)
        assert len(held_out.users) <= 30, "some users are not audited, so that their valid items can be drawn again"
        own, other = (of.queries(split).of(held_out.users) for of in (data, held_out.other))
        for row in range(len(own)):
            read = slice(own.history.starts[row], own.history.ends[row])
            assert np.array_equal(data.items[read], held_out.other.items[read])
        changed = data.items != held_out.other.items
        assert set(data.codes[changed]) <= {VALID, TEST} and (own.targets != other.targets).mean() > 0.8
        others = ~np.isin(data.users, held_out.users)
        assert changed[(data.codes == TEST) & others].mean() > 0.8
        assert changed[(data.codes == VALID) & others].mean() > 0.8


def test_an_honest_fusion_passes(world):
    rows = fused(world)
    assert set(rows) == {(kind, split) for kind in ("lambdamart", "zscore") for split in SPLITS}
    assert failed(rows) == (set(), "") and all(row["users"] == 40 for row in rows.values())


def target_of(context):
    """Return the held-out item of each user of a context."""
    return context.sources.data.queries(context.split).of(context.lists.users).targets


def plant_column(monkeypatch, of, where):
    """Add a leak to the column `log_popularity` of the lists of some splits: ``of(context, items, rows)``."""
    honest = Context.features

    made = Context.__init__

    def remembering(self, sources, split, lists):
        """Make a context that knows its split."""
        made(self, sources, split, lists)
        self.split = split

    def features(self, rows):
        """Return the features, with a leak in the first."""
        found = honest(self, rows)
        if self.split in where and self.sources.plain:
            found[..., 0] += of(self, self.lists.items[rows], rows)
        return found

    monkeypatch.setattr(Context, "__init__", remembering)
    monkeypatch.setattr(Context, "features", features)


LEAKS = {
    "the held-out item": lambda own, items, rows: items == target_of(own)[rows, None],
    "a similarity to the target": lambda own, items, rows: 1 / (1 + np.abs(items - target_of(own)[rows, None])),
}


@pytest.mark.parametrize("where", SPLITS)
@pytest.mark.parametrize("leak", LEAKS)
def test_a_column_that_reads_the_target_is_named(monkeypatch, world, leak, where):
    plant_column(monkeypatch, LEAKS[leak], [where])
    rows = fused(world)
    names, told = failed(rows)
    assert names == {("lambdamart", where)}
    assert f"b/seed1/lambdamart/{where}: column 'log_popularity' of item " in told and "for user " in told


def test_a_leak_that_only_the_audit_meets_is_no_reproduction(monkeypatch, world):
    fused(world)
    plant_column(monkeypatch, lambda own, items, rows: 3 * (items % 7), ["test"])
    names, told = failed(fused(world, rescored_only=True))
    assert names == set() and "lambdamart/test: the published list of user" in told


def test_popularity_over_all_interactions_is_named(monkeypatch, world):
    everything = lambda self: np.bincount(self.items, minlength=self.n_items)  # noqa: E731
    monkeypatch.setattr(Interactions, "popularity", everything)
    names, told = failed(fused(world))
    assert names == {("lambdamart", split) for split in SPLITS} and "column 'log_popularity' of item" in told


def test_a_memory_of_valid_at_test_is_named(monkeypatch, world):
    def chosen(own, items, rows):
        """Return how often the candidates were held out on valid."""
        data = own.sources.data
        return np.bincount(data.items[data.codes == VALID], minlength=data.n_items)[items]

    plant_column(monkeypatch, chosen, ["test"])
    names, told = failed(fused(world))
    assert names == {("lambdamart", "test")} and "lambdamart/test: column 'log_popularity' of item" in told


def test_transitions_to_held_out_items_are_named(monkeypatch, world):
    monkeypatch.setattr(
        Interactions, "training", lambda self: Histories(self.items, self.starts[:-1], self.starts[1:], self.n_items)
    )
    names, told = failed(fused(world))
    assert names == {("lambdamart", split) for split in SPLITS} and "column 'transition_last' of item" in told


def scored_again(world, tmp_path):
    """Train item_knn, make its lists and re-rank them, and score them again; return the rows by re-ranker and split."""
    folder, inputs, _, data = world
    model = model_class("item_knn")(complete_options("models", "item_knn"), data.n_users, data.n_items)
    model.fit(data, seed=1)
    weights = folder / "model" / "weights.safetensors"
    if not weights.exists():
        model.save(weights.parent)
    read = {name: inputs[name] for name in ("interactions", "split")}
    paths = {
        name: {part: folder / name / f"{part}.parquet" for part in SPLITS} for name in ("identity", "random", "knn")
    }
    about = {**ABOUT, "reranker": "identity", "kind": "base"}
    recommend.main({**read, "weights": weights}, paths["identity"], about, "full", "float32", 1)
    rerankers = {}
    for name, kind, needs in (("random", "random", []), ("knn", "recommender", ["base_model"])):
        block = {"type": kind, **complete_options("rerankers", kind, **({"base_model": "knn"} if needs else {}))}
        of = {
            "block": block,
            "needs": needs,
            "settings": {"threads": 1},
            "about": {**ABOUT, "reranker": name, "depth": 10},
        }
        of |= {"inputs": {**read, "model": weights}, "slow": name == "knn"}
        rerank.main(
            {**paths["identity"], **of["inputs"]}, paths[name], of["about"], block, needs, of["settings"], "full"
        )
        rerankers[name] = of
    files = {part: [paths[name][part] for name in paths] for part in SPLITS}
    rescore_lists.main(
        {**read, "weights": weights, **files}, {"rows": tmp_path / "rows.json"}, rerankers, "full", "float32", SETTINGS
    )
    return {(row["reranker"], row["split"]): row for row in read_json(tmp_path / "rows.json")}


def test_honest_lists_pass_and_slow_ones_take_fewer_users(world, tmp_path):
    rows = scored_again(world, tmp_path)
    assert failed(rows) == (set(), "")
    assert {name: row["users"] for name, row in rows.items() if name[1] == "test"} == {
        ("identity", "test"): 40, ("random", "test"): 40, ("knn", "test"): 10,
    }  # fmt: skip


@pytest.mark.parametrize("where", SPLITS)
def test_a_history_that_holds_the_target_is_named(monkeypatch, world, tmp_path, where):
    honest = Interactions.queries

    def queries(self, split, history="full"):
        """Return queries whose history ends with the held-out item."""
        found = honest(self, split, history)
        longer = replace(found.history, ends=found.history.ends + 1)
        return replace(found, history=longer) if split == where else found

    monkeypatch.setattr(Interactions, "queries", queries)
    names, told = failed(scored_again(world, tmp_path))
    assert names == {("identity", where), ("knn", where)}
    assert f"b/seed1/identity/{where}: the list of user " in told
    assert f"b/seed1/knn/{where}: the score of item " in told and f"random/{where}" not in told


def test_a_list_that_the_model_did_not_make_is_named(world, tmp_path):
    rows = scored_again(world, tmp_path)
    again = read_lists(world[0] / "knn" / "test.parquet")[0]
    swapped = again.scores.copy()
    swapped[0] = swapped[0][::-1] * 2 - 1
    faults = rescoring.not_reproduced(replace(again, scores=swapped), again)
    assert len(faults) == 1 and f"the published list of user {again.users[0]} is not what" in faults[0]
    assert rescoring.not_reproduced(replace(again, scores=again.scores * np.float32(1.000001)), again) == []
    assert not rows["knn", "test"]["not_reproduced"]


def test_lists_at_the_rate_of_the_target_are_named(world, tmp_path):
    rows = scored_again(world, tmp_path)
    row = rows["identity", "test"]
    row["place"] = [1] * len(row["place"])
    assert "hits at 5 of 40 users whose held-out item was drawn at random" in failed(rows)[1]
