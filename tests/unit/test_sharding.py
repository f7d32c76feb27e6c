"""Users in shards: each once, in whole batches, and the same bytes as in one job."""

import json

import gather_answers
import gather_lists
import numpy as np
import pyarrow as pa
import pytest
import recommend
from hypothesis import given
from hypothesis import strategies as st
from llm_fixture import asked_users
from planted import ABOUT
from small_data import FixedScores, random_interactions

from reelrank.data import lists as ranked
from reelrank.data.tables import read_table, write_table
from reelrank.errors import InputError
from reelrank.files import read_json, write_json
from reelrank.llm.ask.ledgers import gather_ledgers
from reelrank.sharding import gathered_metadata, read_shard, shard_range
from reelrank.training import topk

PARTS = ("valid", "test")


@given(st.integers(0, 60), st.integers(1, 9), st.integers(1, 12))
def test_shards_cover_every_row_once_in_whole_batches(n, shards, together):
    ranges = [shard_range(n, number, shards, together) for number in range(1, shards + 1)]
    assert [row for start, stop in ranges for row in range(start, stop)] == list(range(n))
    assert all(start % together == 0 or start == n for start, _ in ranges)
    batches = [-(-(stop - start) // together) for start, stop in ranges]
    assert max(batches) - min(batches) <= 1, "about as many in each"


def test_a_job_that_is_no_shard_is_whole():
    assert read_shard({"reranker": "a"}) == (1, 1)
    assert read_shard({"scatteritem": "2-of-13"}) == (2, 13)


class InCompany(FixedScores):
    """A model whose scores tell who was scored together, as the last bits of a real one's do."""

    def score(self, users, history):
        """Return the scores of `users`, plus what depends on the others."""
        return self.scores[users] + np.float32(users.sum())


def as_inputs(shards):
    """Return lists of shards, by split, as the inputs of the step."""
    return {f"{split}_shards": paths for split, paths in shards.items()}


def in_shards(folder, make, shards, bases=None):
    """Make lists in shards by ``make(outputs, shard)``, gather them, and return the bytes by part."""
    paths = {
        part: [folder / f"{part}.{number}-of-{shards}.parquet" for number in range(1, shards + 1)] for part in PARTS
    }
    for number in range(1, shards + 1):
        make({part: paths[part][number - 1] for part in PARTS}, (number, shards))
    outputs = {part: folder / f"{part}.{shards}.parquet" for part in PARTS}
    gather_lists.main({**(bases or {}), **as_inputs(paths)}, outputs)
    return {part: path.read_bytes() for part, path in outputs.items()}


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """Return the inputs, the base lists and what makes them, of 23 users; 4 are scored together."""
    data = random_interactions(2, n_users=23, n_items=15)
    scores = np.random.default_rng(3).normal(size=(23, 15))
    monkeypatch.setattr(recommend, "load_model", lambda folder, device: InCompany(scores))
    monkeypatch.setattr(recommend, "load_interactions", lambda *paths: data)
    monkeypatch.setattr(topk, "PAIRS_PER_CHUNK", 4 * 15)
    monkeypatch.setattr(ranked, "ROWS_PER_CHUNK", 3 * 6)
    monkeypatch.setenv("REELRANK_DEVICE", "cpu")
    inputs = dict.fromkeys(("interactions", "split", "weights"), tmp_path / "a")
    whole = {part: tmp_path / f"{part}.parquet" for part in PARTS}

    def make(outputs, shard=(1, 1)):
        """Write the base lists of a shard."""
        recommend.main(inputs, outputs, {**ABOUT, "depth": 6}, "full", "float32", 1, shard=shard)

    make(whole)
    return inputs, whole, make


@pytest.mark.parametrize("shards", [2, 5, 9])
def test_base_lists_in_shards_are_those_of_one_job(prepared, tmp_path, shards):
    _, whole, make = prepared
    assert in_shards(tmp_path, make, shards) == {part: path.read_bytes() for part, path in whole.items()}
    found = ranked.read_lists(whole["test"])[0]
    assert found.items.shape == (23, 6) and found.scores[:4].min() > found.users[:3].sum() - 6, "4 were scored together"


def test_a_gathered_list_that_is_no_permutation_of_its_base_is_refused(prepared, tmp_path):
    _, whole, make = prepared
    other = ranked.read_lists(whole["test"])[0]
    swapped = ranked.RankedLists(other.users, (other.items + 1) % 15, other.scores)
    base = {**whole, "test": tmp_path / "base.parquet"}
    ranked.write_lists(swapped, base["test"], {**ABOUT, "depth": 6})
    with pytest.raises(InputError, match="not a permutation"):
        in_shards(tmp_path, make, 2, base)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({1: {"rows": "5-6/9"}}, r"b: found rows 5 to 6; expected rows from 4 on"),
        ({1: {"rows": "3-6/9"}}, r"b: found rows 3 to 6; expected rows from 4 on"),
        ({0: {"rows": "1-4/9"}}, r"a: found rows 1 to 4; expected rows from 0 on"),
        ({2: {"rows": "6-8/9"}}, r"c: the last shard ends with row 8; expected 9"),
        ({2: {"config_digest": "o"}}, r"c: config_digest is o; expected d, as in a"),
        ({1: {"device": "cuda"}}, r"b: device is cuda; expected cpu, as in a: results of a GPU"),
        ({1: {"users": "hits"}}, r"b: users is hits; expected None"),
    ],
)
def test_shards_that_do_not_belong_together_are_refused(changes, message):
    shards = {
        name: {"config_digest": "d", "device": "cpu", "rows": rows, **changes.get(number, {})}
        for number, (name, rows) in enumerate({"a": "0-4/9", "b": "4-6/9", "c": "6-9/9"}.items())
    }
    with pytest.raises(InputError, match=message):
        gathered_metadata(shards)


def test_a_lost_shard_is_seen(prepared, tmp_path):
    _, _, make = prepared
    paths = {part: [tmp_path / f"{part}.{number}" for number in (1, 2, 3)] for part in PARTS}
    for number in range(3):
        make({part: paths[part][number] for part in PARTS}, (number + 1, 3))
    lost = {part: found[:2] for part, found in paths.items()}
    with pytest.raises(InputError, match="expected 23"):
        gather_lists.main(as_inputs(lost), {part: tmp_path / f"{part}.gathered" for part in PARTS})


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_every_user_is_asked_about_in_one_shard(shards):
    (asked,), _ = asked_users(20)
    parts = [asked.of_shard(number, shards) for number in range(1, shards + 1)]
    assert np.concatenate([part.lists.users for part in parts]).tolist() == asked.lists.users.tolist()
    assert np.concatenate([part.lists.items for part in parts]).tolist() == asked.lists.items.tolist()
    assert np.concatenate([part.history.ends for part in parts]).tolist() == asked.history.ends.tolist()
    assert {shard.split for shard in parts} == {asked.split}


def answers(users, keys):
    """Return a table of answers of 3 and 2 tokens each."""
    n = len(users)
    columns = {"user": users, "permutation": [0] * n, "step": [0] * n, "key": keys, "text": ["a"] * n}
    columns |= {"finish_reason": [""] * n, "logprobs": pa.array([None] * n, pa.string()), "input_tokens": [3] * n}
    return columns | {
        "output_tokens": [2] * n, "model": ["m"] * n, "fingerprint": [""] * n, "latency_s": [0.5] * n,
        "attempt": [1] * n,
    }  # fmt: skip


def ledger(sent, **other):
    """Return the ledger of a shard."""
    return {
        "identity": {"precision": "float32"}, "strategy": "pointwise", "schema": False, "answers": sent,
        "distinct_requests": sent, "input_tokens": 3 * sent, "output_tokens": 2 * sent, "usd": 0.0,
        "this_run": {"sent": sent, "seconds": 1.5}, "all_runs": {"sent": sent, "unknown": [f"{sent}:1"]},
        "earlier_runs": 1, **other,
    }  # fmt: skip


def test_answers_of_shards_are_put_together(tmp_path):
    shards = {key: [tmp_path / f"{key}{number}" for number in (1, 2)] for key in (*PARTS, "ledger")}
    for number, (users, keys) in enumerate([([1, 2], ["k", "l"]), ([5, 9, 9], ["k", "m", "n"])]):
        for part in PARTS:
            write_table(answers(users, keys), "answers", shards[part][number], {"split": part, "options": "{}"})
        write_json(shards["ledger"][number], ledger(2 * len(users)))
    outputs = {key: tmp_path / key for key in shards}
    gather_answers.main(shards, outputs)
    for part in PARTS:
        found = read_table(outputs[part], "answers")
        assert found["user"].to_pylist() == [1, 2, 5, 9, 9] and found["key"].to_pylist() == ["k", "l", "k", "m", "n"]
        once = tmp_path / "once"
        write_table(answers([1, 2, 5, 9, 9], list("klkmn")), "answers", once, {"split": part, "options": "{}"})
        assert outputs[part].read_bytes() == once.read_bytes()
    assert read_json(outputs["ledger"]) == {
        **ledger(10), "distinct_requests": 4, "input_tokens": 12, "output_tokens": 8, "earlier_runs": 2,
        "this_run": {"sent": 10, "seconds": 3.0}, "all_runs": {"sent": 10, "unknown": ["4:1", "6:1"]},
    }  # fmt: skip


@pytest.mark.parametrize("key", ["identity", "strategy", "schema"])
def test_answers_of_different_models_are_not_put_together(key):
    other = {"identity": {"precision": "bfloat16"}, "strategy": "listwise", "schema": True}[key]
    with pytest.raises(InputError, match=rf"b\.json: found {key} {json.dumps(other)}; expected .*, as in a\.json"):
        gather_ledgers({"a.json": ledger(1), "b.json": ledger(1, **{key: other})}, pa.table(answers([], [])))
