"""Every rule has what the house asks of it."""

import re
from pathlib import Path

import pytest
from workflow_rules import all_rules

from reelrank.plan.code import WITHOUT_CODE

REPOSITORY = Path(__file__).parents[2]
STEPS = {path.name for path in (REPOSITORY / "workflow" / "scripts").glob("*.py")}


@pytest.fixture(scope="module")
def rules():
    """Return every rule but `all`, which runs nothing."""
    return {name: rule for name, rule in all_rules(REPOSITORY).items() if name != "all"}


def test_a_rule_runs_a_step_or_shows_a_file(rules):
    assert {rule.step for rule in rules.values() if rule.step} == STEPS
    shells = {name: rule.rule.shellcmd for name, rule in rules.items() if not rule.step}
    assert all(re.fullmatch(r"cat \{input\} \| tee \{log\}", command) for command in shells.values()), (
        "a shell writes in place, and what it writes stays there half-written: make it a step"
    )


def test_a_rule_has_an_environment_a_log_and_a_benchmark(rules):
    assert [name for name, rule in rules.items() if not rule.environment or not rule.rule.log] == []
    assert [name for name, rule in rules.items() if rule.step and not rule.rule.benchmark] == []


def test_a_rule_with_a_step_reruns_when_its_code_changes(rules):
    without = [rule.step for rule in rules.values() if rule.step and "code" not in dict(rule.rule.params.items())]
    assert set(without) == set(WITHOUT_CODE)
