"""The profile of a cluster names rules that there are, and no rule asks for retries of its own."""

import re
from pathlib import Path

import yte

REPOSITORY = Path(__file__).parents[2]
RULES = {path: path.read_text(encoding="utf-8") for path in (REPOSITORY / "rules").glob("*.smk")}
NAMES = {name for text in RULES.values() for name in re.findall(r"^\s*rule (\w+):", text, re.M)}

#: Rules that run alone without a GPU: they wait for a service or the network, or are targets that are asked for.
ALONE = {"ask_llm", "download", "estimate", "estimate_requests", "audit", "compare"}


def profile():
    """Return the profile as Snakemake reads it."""
    with open(REPOSITORY / "profiles" / "slurm" / "config.yaml", encoding="utf-8") as stream:
        return yte.process_yaml(stream, require_use_yte=True)


def test_every_rule_of_the_profile_is_one():
    found = profile()
    assert {*found["set-resources"], *found["groups"]} <= NAMES
    assert set(found["group-components"]) <= set(found["groups"].values())


def test_every_rule_has_a_gpu_a_group_or_a_reason():
    found = profile()
    with_gpu = {rule for rule, wants in found["set-resources"].items() if wants.get("gpu") or wants.get("gres")}
    assert with_gpu | set(found["groups"]) | ALONE == NAMES
    assert not with_gpu & set(found["groups"]), "a group would hold its GPU while small rules run"
    for wants in (found["default-resources"], *found["set-resources"].values()):
        assert "attempt" in wants["mem_mb"] and "attempt" in wants["runtime"], "the next try asks for more"


def test_retries_are_the_profiles():
    assert profile()["retries"] > 0
    assert [path.name for path, text in RULES.items() if re.search(r"^\s+retries:", text, re.M)] == []
