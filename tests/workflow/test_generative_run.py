"""A whole run with generative re-rankers against a loopback server, and what it leaves behind."""

import json
import re

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from llm_server import Running
from sample_parameters import sample_parameters
from snakemake_run import copy_repository, planned, snakemake, watched, written_in_place

from reelrank.audit.run_texts import check_prompts
from reelrank.audit.training_only import Comments
from reelrank.data.interactions import load_interactions
from reelrank.datasets.sample import generate_tables
from reelrank.llm import item_texts as items
from reelrank.llm.rendering import Renderer

KEY = "sk-PLANTED-KEY-0123456789"
USER_MARK = 7_770_000_000
RERANKERS = {
    "on_hits": {"users": "hits"},
    "on_all": {"users": "all"},
    "on_some": {"users": {"sample": 15, "seed": 4}},
    "by_letters": {"users": "hits", "strategy": "letter_logits", "window": 8, "permutations": 2},
    "by_hand": {
        "users": "hits",
        "chat_model": "through_the_hub",
        "prompt": "in_context",
        "fields": {"title": 50, "comments": 90},
    },
}

AGAIN = {
    "ask_llm",
    "parse_answers",
    "evaluate",
    "audit_lists",
    "tabulate_hits",
    "plot_figures",
    "measure_effects",
    "describe_lists",
    "report",
}


def made_dataset(folder, definition):
    """Write a sample dataset in which every raw user id holds a mark."""
    folder.mkdir()
    files = yaml.safe_load(definition.read_text())["datasets"]["sample"]["files"]
    paths = {role: folder / files[role] for role in ("interactions", "titles", "comments", "categories")}
    generate_tables(sample_parameters(seed=5, users=120, items=80, interactions_per_user=7.0, topics=5), paths)
    for role, separator in (("interactions", ","), ("comments", "\t")):
        lines = paths[role].read_text(encoding="utf-8").splitlines()
        marked = [
            f"{USER_MARK + int(user)}{separator}{rest}" if user.isdigit() else f"{user}{separator}{rest}"
            for user, _, rest in (line.partition(separator) for line in lines)
        ]
        paths[role].write_text("\n".join(marked) + "\n", encoding="utf-8")


@pytest.fixture(scope="module")
def generative(tmp_path_factory):
    """Run the workflow; return its folder, the config and the server's log."""
    folder = copy_repository(tmp_path_factory.mktemp("generative"))
    made_dataset(folder / "raw_files", folder / "config/datasets/sample.yaml")
    with Running(folder) as server:
        common = {"type": "generative", "chat_model": "served", "depth": 20, "prompt": "refined"}
        served = {"model": "m", "base_url": server.url, "key_variable": "PLANTED_KEY"}
        overlay = {
            "dataset": "sample",
            "raw_dir": "raw_files",
            "fields": ["title", "comments"],
            "candidates": 40,
            "run": {"base_models": ["pop"], "rerankers": ["identity", "random", *RERANKERS]},
            "chat_models": {
                "served": {"client": "openai", **served},
                "through_the_hub": {"client": "huggingface", **served},
            },
            "rerankers": {name: common | own for name, own in RERANKERS.items()},
        }
        (folder / "overlay.yaml").write_text(yaml.safe_dump(overlay))
        environment = {"PLANTED_KEY": KEY, "NO_PROXY": "127.0.0.1", "HF_HUB_OFFLINE": "0"}
        process = snakemake(folder, "--configfile", "overlay.yaml", environment=environment | watched(folder))
        assert process.returncode == 0, process.stdout + process.stderr
        received = server.received
        yield folder, server, process.stdout + process.stderr, environment
        assert server.received == received, "no test asked for anything again"


def rows_of(folder, reranker):
    """Return a re-ranker's rows of the tidy table."""
    table = pd.read_csv(folder / "results/sample/leave_one_out/tables/hit_rate.csv")
    return table[table["reranker"] == reranker].drop(columns="reranker").reset_index(drop=True)


def test_hits_and_all_give_the_same_columns(generative):
    folder = generative[0]
    hits, whole = rows_of(folder, "on_hits"), rows_of(folder, "on_all")
    pd.testing.assert_frame_equal(hits, whole)
    lists = folder / "results/sample/leave_one_out/lists/pop/seed1"
    asked = [
        len(set(pq.read_table(lists / f"{name}/test.parquet")["user"].to_pylist())) for name in ("on_hits", "on_all")
    ]
    assert 0 < asked[0] < asked[1] == 120
    ranks = [pq.read_table(lists / f"{name}/test.ranks.parquet") for name in ("on_hits", "on_all")]
    assert ranks[0].equals(ranks[1])
    assert (rows_of(folder, "on_some")["users"] == 15).all()


def test_every_result_got_its_name_by_a_rename(generative):
    assert written_in_place(generative[0]) == []


def test_the_table_has_generative_rows_and_loses_nothing(generative):
    folder = generative[0]
    base = rows_of(folder, "identity")
    for name in ("on_hits", "by_letters", "by_hand"):
        own = rows_of(folder, name)
        assert set(own["kind"]) == {"generative"}
        at_depth = own["n"] == 20
        assert own[at_depth]["hits"].tolist() == base[at_depth]["hits"].tolist(), "hits at the depth are the base's"


def test_no_key_and_no_raw_user_id_anywhere(generative):
    folder, _, output, _ = generative
    # A raw user id as a whole number: shorter runs of digits turn up in digests and times by chance.
    marks = re.compile(rf"sk-PLANTED|(?<![0-9a-f.]){str(USER_MARK)[:7]}\d{{3}}(?![0-9a-f])")
    users = pq.read_table(folder / "results/sample/prepared/users.parquet").to_pandas()["user_id"]
    assert users.map(marks.fullmatch).all(), "the pattern knows every raw user id"
    assert not marks.findall(output)
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        allowed = inside[0] in ("raw_files", ".snakemake", "tests") or path.name == "users.parquet" or "raw" in inside
        if not path.is_file() or allowed:
            continue
        text = (
            pq.read_table(path).to_pandas().to_csv()
            if path.suffix == ".parquet"
            else path.read_text("utf-8", "replace")
        )
        assert not marks.findall(text), path
    for path in (folder / ".snakemake" / "log").iterdir():
        assert KEY not in path.read_text()


def audited_prompts(folder):
    """Return the audit's check of the prompts, made again here."""
    protocol, prepared = folder / "results/sample/leave_one_out", folder / "results/sample/prepared"
    inputs = {name: prepared / f"{name}.parquet" for name in ("interactions", "users", "comments")}
    inputs |= {"catalogue": prepared / "items.parquet", "split": protocol / "split.parquet"}
    lists = protocol / "lists/pop/seed1"
    inputs["answers"] = sorted(lists.glob("*/*.answers.parquet"))
    inputs["ledgers"] = sorted(lists.glob("*/ledger.json"))
    tables = [pq.read_table(inputs[name]) for name in ("interactions", "split", "comments")]
    overlay = yaml.safe_load((folder / "overlay.yaml").read_text())["rerankers"]
    prompts = {
        name: yaml.safe_load((folder / f"config/prompts/{overlay[name]['prompt']}.yaml").read_text())
        for name in RERANKERS
    }
    data = load_interactions(inputs["interactions"], inputs["split"])
    return check_prompts(inputs, data, Comments(*tables), prompts, "full")


def test_the_audit_looks_through_the_prompts_that_were_sent(generative, monkeypatch):
    folder = generative[0]
    told = json.loads((folder / "results/sample/leave_one_out/audit/audit.json").read_text())
    rows = next(check["rows"] for check in told["checks"] if check["name"] == "prompts")
    assert len(rows) == 2 * len(RERANKERS) and all(row["prompts"] == row["as_sent"] > 0 for row in rows)
    assert audited_prompts(folder).rows == sorted(rows, key=lambda row: (row["reranker"], row["split"]))
    of_training = items.latest_comments
    monkeypatch.setattr(
        items,
        "latest_comments",
        lambda comments, rows, codes, *others: of_training(comments, rows, np.zeros_like(codes), *others),
    )
    failures = audited_prompts(folder).failures
    assert failures and all(failure.startswith("pop/seed1/by_hand/") for failure in failures)
    assert any("holds the held-out comment" in failure for failure in failures)
    assert any("differs from the one that was answered" in failure for failure in failures)


def test_a_raw_id_in_a_prompt_is_found(generative, monkeypatch):
    request_of = Renderer._messages

    def with_id(self, *arguments):
        ((role, content), *others), shared = request_of(self, *arguments)
        return ((role, f"{content} I am {USER_MARK + 1}."), *others), shared

    monkeypatch.setattr(Renderer, "_messages", with_id)
    failures = audited_prompts(generative[0]).failures
    assert any(
        "pop/seed1/on_all/test: the prompt of user" in one and "the raw id of the user" in one for one in failures
    )


def test_the_ledger_counts_what_the_server_saw(generative):
    folder, server, _, _ = generative
    ledgers = [
        json.loads((folder / f"results/sample/leave_one_out/lists/pop/seed1/{name}/ledger.json").read_text())
        for name in RERANKERS
    ]
    assert sum(ledger["this_run"]["sent"] for ledger in ledgers) == len(server.received) > 0
    assert all(ledger["usd"] is None and ledger["all_runs"]["unknown"] == [] for ledger in ledgers)


def test_answers_are_described(generative):
    folder = generative[0] / "results/sample/leave_one_out"
    answers, positions, cost = (pd.read_csv(folder / f"tables/{name}.csv") for name in ("answers", "positions", "cost"))
    assert set(answers["reranker"]) == set(RERANKERS) == set(positions["reranker"])
    ranks = pd.read_parquet(folder / "lists/pop/seed1/identity/test.ranks.parquet").set_index("user")["rank"]
    for name in RERANKERS:
        table = pq.read_table(folder / f"lists/pop/seed1/{name}/test.parsing.parquet").to_pandas()
        row = answers[(answers["reranker"] == name) & (answers["split"] == "test")].iloc[0]
        assert row["requests"] == len(table) == sum(row[key] for key in row.index if key.startswith("fault_"))
        assert row["missing"] == table["missing"].sum()
        asked = ranks[table["user"].unique()]
        shown = positions.loc[positions["reranker"] == name, "shown"].sum()
        assert shown == (asked <= 20).sum() * (2 if name == "by_letters" else 1), "each list once a permutation"
        ledger = json.loads((folder / f"lists/pop/seed1/{name}/ledger.json").read_text())
        own = cost[cost["reranker"] == name].iloc[0]
        assert (own["requests"], own["input_tokens"]) == (ledger["answers"], ledger["input_tokens"])
        assert pd.isna(own["usd"]), "no price is known"
    by_name = positions.set_index("reranker")
    pd.testing.assert_frame_equal(
        by_name.loc["on_hits"].reset_index(drop=True), by_name.loc["on_all"].reset_index(drop=True)
    )


def test_what_cannot_change_an_answer_reruns_nothing(generative):
    folder, _, _, environment = generative
    limits = "chat_models={served: {concurrency: 3, max_requests: 100000, timeout_s: 9, requests_per_minute: 6000}}"
    arguments = ("-n", "--configfile", "overlay.yaml", "--config", limits)
    assert planned(snakemake(folder, *arguments, environment=environment)) == {("report", "")}, "which tells the config"


def test_the_parser_is_no_reason_to_ask_again(generative):
    folder = generative[0]
    path = folder / "workflow/scripts/reelrank/llm/answers/rankings.py"
    before = path.read_text()
    try:
        path.write_text(before + "\nADDED = 1\n")
        process = snakemake(folder, "-n", "--configfile", "overlay.yaml")
        rules = {rule for rule, _ in planned(process)}
        # A sliding window asks on by what was read: it alone is asked again, from the cache.
        assert rules == AGAIN
        assert (process.stdout + process.stderr).count("rule ask_llm:") == 1
    finally:
        path.write_text(before)


def test_a_changed_prompt_asks_those_again_that_use_it(generative):
    folder = generative[0]
    path = folder / "config/prompts/in_context.yaml"
    before = path.read_text()
    try:
        path.write_text(before.replace("Now I have watched that one too.", "Now I have watched that one as well."))
        process = snakemake(folder, "-n", "--configfile", "overlay.yaml")
        assert {rule for rule, _ in planned(process)} == AGAIN
        output = process.stdout + process.stderr
        asked = re.findall(r"rule (?:ask_llm|parse_answers):.*?reranker=([\w-]+)", output, flags=re.S)
        assert asked == ["by_hand", "by_hand"], "asked once and parsed once"
    finally:
        path.write_text(before)


def test_a_removed_answer_comes_from_the_cache(generative):
    folder, _, _, environment = generative
    place = folder / "results/sample/leave_one_out/lists/pop/seed1/on_all"
    before = {name: (place / name).read_bytes() for name in ("test.parquet", "test.parsing.parquet")}
    (place / "test.answers.parquet").unlink()
    process = snakemake(folder, "--configfile", "overlay.yaml", environment=environment)
    assert process.returncode == 0, process.stdout + process.stderr
    assert {name: (place / name).read_bytes() for name in before} == before
