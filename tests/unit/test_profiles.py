"""The profile of a cluster names rules that there are, and no rule asks for retries of its own."""

import re
from pathlib import Path

import yte
from workflow_rules import all_rules

REPOSITORY = Path(__file__).parents[2]
PROFILE = REPOSITORY / "profiles" / "slurm" / "config.yaml"
RULES = {name: rule for name, rule in all_rules(REPOSITORY).items() if name != "all"}
NAMES = set(RULES)

#: Rules that run alone without a GPU, by their lines in the profile.
ALONE = set(re.findall(r"^#   (\w+): .+$", PROFILE.read_text(encoding="utf-8"), re.MULTILINE))


def profile():
    """Return the profile as Snakemake reads it."""
    with open(PROFILE, encoding="utf-8") as stream:
        return yte.process_yaml(stream, require_use_yte=True)


def test_every_rule_of_the_profile_is_one():
    found = profile()
    assert {*found["set-resources"], *found["groups"], *ALONE} <= NAMES
    assert set(found["group-components"]) <= set(found["groups"].values())


def test_every_rule_has_a_gpu_a_group_or_a_reason():
    found = profile()
    with_gpu = {rule for rule, wants in found["set-resources"].items() if wants.get("gpu") or wants.get("gres")}
    without = NAMES - with_gpu - set(found["groups"]) - ALONE
    assert not without, f"{sorted(without)}: give it a group, a GPU or a reason in profiles/slurm/config.yaml"
    assert not with_gpu & set(found["groups"]), "a group would hold its GPU while small rules run"
    assert not ALONE & (with_gpu | set(found["groups"])), "a rule with a group or a GPU does not run alone without one"
    for wants in (found["default-resources"], *found["set-resources"].values()):
        assert "attempt" in wants["mem_mb"] and "attempt" in wants["runtime"], "the next try asks for more"


def test_retries_are_the_profiles():
    assert profile()["retries"] > 0
    assert [name for name, rule in RULES.items() if rule.rule._restart_times] == []
