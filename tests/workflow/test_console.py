"""The console under the Snakemake that is installed: a workflow of three rules, one of which may fail."""

import os
import pty
import subprocess
import sys

import pytest
from snakemake_run import ROOT

SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(ROOT / "workflow" / "scripts")!r})
from reelrank.running import console

CONSOLE = console.attach(workflow)

onsuccess:
    CONSOLE.succeeded()

onerror:
    CONSOLE.stopped()

rule all:
    input: expand("{{base_model}}.txt", base_model=["pop", "nfm"]), "report.html"

rule train:
    output: "{{base_model}}.txt"
    log: "{{base_model}}.log"
    shell: "{{config[command]}} > {{output}}"

rule report:
    input: expand("{{base_model}}.txt", base_model=["pop", "nfm"])
    output: html="report.html", verdict="verdict.json"
    shell: "cp template.json {{output.verdict}} && touch {{output.html}}"
"""

VERDICT = """{"title": "a title", "sentence": "No re-ranker.", "notes": [], "columns": ["base", "re-ranker", "NDCG"],
"rows": [["nfm", "zscore", ".0512"]], "cost": "Cost: nothing."}"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "template.json").write_text(VERDICT)
    return tmp_path


def run(folder, *arguments, command="true"):
    """Return the exit status, the standard output and the messages of a run."""
    program = [sys.executable, "-m", "snakemake", "--cores", "1", "--config", f"command={command}", *arguments]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout, done.stderr


def test_a_run_and_one_that_has_nothing_to_do(folder):
    status, out, told = run(folder)
    lines = told.splitlines()
    assert status == 0, told
    assert lines[0].startswith("4 jobs; every message of Snakemake: .snakemake/log/")
    assert sorted(line.split("] ")[1].partition(" ...")[0] for line in lines[1:]) == [
        "all", "report", "train nfm", "train pop",
    ]  # fmt: skip
    assert out.splitlines() == [
        "", "a title", "", "No re-ranker.", "", "base  re-ranker   NDCG", "nfm   zscore     .0512", "",
        "Cost: nothing.",
        "Report: report.html",
    ]  # fmt: skip
    assert "reason: Missing output files" in next((folder / ".snakemake/log").iterdir()).read_text(), "the log has all"
    status, again, told = run(folder)
    assert (status, again) == (0, out) and told.startswith("Nothing to be done")


def test_a_run_that_fails(folder):
    status, out, told = run(folder, "--keep-going", command="false")
    assert status == 1 and out == ""
    for model in ("pop", "nfm"):
        assert f"Error in rule train: train {model} failed after 0 s\n  log: {model}.log" in told
        assert f"\n  train {model}: {model}.log\n" in told
    assert "0 of 4 jobs are done, 2 failed:" in told


@pytest.mark.parametrize(
    ("arguments", "shows", "verdict"),
    [
        (["-n"], "This was a dry-run", False),
        (["--verbose"], "Select jobs to execute...", True),
        (["--quiet", "rules"], "steps (100%) done", True),
        (["--quiet", "all"], "", False),
        (["--list"], "train", False),
    ],
)
def test_another_output_that_is_asked_for(folder, arguments, shows, verdict):
    status, out, told = run(folder, *arguments)
    assert status == 0, told
    assert shows in out + told and "[1/4]" not in told
    assert ("No re-ranker." in out) == verdict
    assert arguments != ["--quiet", "all"] or out + told == ""


def test_on_a_terminal_there_is_a_bar_that_is_gone_at_the_end(folder):
    ours, theirs = pty.openpty()
    program = [sys.executable, "-m", "snakemake", "--cores", "1", "--config", "command=sleep 2;"]
    environment = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(program, cwd=folder, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    told = b""
    while True:
        try:
            read = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        told += read
    os.close(ours)
    text = told.decode()
    assert process.wait() == 0, text
    assert "[----------] 0/4 train" in text and "0:01" in text
    shown = [line.rpartition("\r\033[K")[2].rstrip("\r") for line in text.split("\n")]
    assert not any(line.startswith("[-") or line.startswith("[#") for line in shown)
    assert "Report: report.html" in shown and "[4/4] all ... 0 s" in shown
