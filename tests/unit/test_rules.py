"""Every rule has what the house asks of it, and the tests see rules in each form that Snakemake knows."""

import ast
from pathlib import Path

import pytest
from environments import rules
from rule_blocks import digested_steps, functions, read_rules

REPOSITORY = Path(__file__).parents[2]
STEPS = REPOSITORY / "workflow" / "scripts"
RULES = {rule.name: rule for rule in read_rules(REPOSITORY)}
STEP_OF = {name: step for name, _, step in rules(REPOSITORY) if step}
HELPERS = functions(REPOSITORY)

#: Rules whose changed code reruns nothing, and why.
WITHOUT_CODE = {"download": "what is published is not fetched again because the code that fetches it is another"}

every_step = pytest.mark.parametrize("rule", STEP_OF)


@every_step
def test_a_rule_has_a_log_and_a_benchmark(rule):
    assert {"output", "log", "benchmark"} <= set(RULES[rule].sections), f"{rule} in {RULES[rule].file}"


@every_step
def test_the_code_param_of_a_rule_is_of_its_own_step(rule):
    expected = set() if rule in WITHOUT_CODE else {STEP_OF[rule]}
    message = f'{rule} in {RULES[rule].file} needs the param code=code_digest("{STEP_OF[rule]}", ...)'
    assert digested_steps(RULES[rule], HELPERS) == expected, message


def test_what_needs_no_code_param_is_there():
    assert set(WITHOUT_CODE) <= set(STEP_OF)


def test_every_step_is_a_rules():
    assert {path.name for path in STEPS.glob("*.py")} == set(STEP_OF.values())


def starts(text):
    """Tell whether a step, run as a program, first of all calls ``step.start(snakemake.log)``."""
    last = ast.parse(text).body[-1]
    run = isinstance(last, ast.If) and ast.unparse(last.test) == "__name__ == '__main__'"
    return run and ast.unparse(last.body[0]) == "step.start(snakemake.log)"


@pytest.mark.parametrize("step", sorted(set(STEP_OF.values())))
def test_a_step_starts_its_log(step):
    assert starts((STEPS / step).read_text(encoding="utf-8")), f"{step} does not begin with step.start(snakemake.log)"


def test_a_step_that_does_not_start_its_log_is_found():
    text = "def main():\n    pass\n\n\nif __name__ == '__main__':\n"
    assert starts(text + "    step.start(snakemake.log)\n    main()\n")
    assert not starts(text + "    main()\n    step.start(snakemake.log)\n")
    assert not starts("def main():\n    pass\n")


#: Rules in every form.
PLANTED = '''
def helper(wildcards):
    """What is said of it."""
    return code_digest("b.py", wildcards.name)


rule a:
    input:
        "x",  # rule no:
    log:
        "a.log",
# A comment that stands further out.
    params:
        n=3,
        code=lambda wildcards: encoder_digest("a.py", wildcards.encoder),
    conda:
        "../envs/data.yaml"  # why
    script:
        "../workflow/scripts/a.py"


# Of the next one.
if True:

    checkpoint b:
        log: "b.log"
        params:
            code=helper,
        conda:
            "../envs/data.yaml"
        script:
            "../workflow/scripts/b.py"

    X = 1


use rule a as c with:
    log:
        "c.log",


use rule b as d
'''


@pytest.fixture
def planted(tmp_path):
    def plant(text):
        (tmp_path / "rules").mkdir(exist_ok=True)
        (tmp_path / "Snakefile").write_text("rule all:\n    input: []\n", encoding="utf-8")
        (tmp_path / "rules" / "a.smk").write_text(text, encoding="utf-8")
        return tmp_path

    return plant


def test_rules_of_every_form_are_seen(planted):
    root = planted(PLANTED)
    found = {rule.name: rule for rule in read_rules(root)}
    assert list(found) == ["all", "a", "b", "c", "d"]
    assert list(found["a"].sections) == list(found["c"].sections)
    assert [found[name].sections["log"].strip(' ,"\n') for name in "bcd"] == ["b.log", "c.log", "b.log"]
    triples = [("all", None, None), *((name, "data", f"{step}.py") for name, step in ("aa", "bb", "ca", "db"))]
    assert rules(root) == triples
    helpers = functions(root)
    assert [digested_steps(found[name], helpers) for name in "abcd"] == [{"a.py"}, {"b.py"}, {"a.py"}, {"b.py"}]


@pytest.mark.parametrize(
    ("old", "new", "steps"),
    [
        ('encoder_digest("a.py", wildcards.encoder)', "3", set()),
        ('encoder_digest("a.py", wildcards.encoder)', 'code_digest("b.py")', {"b.py"}),
        ("code=lambda", "shards_code=lambda", set()),
    ],
)
def test_a_rule_whose_code_is_not_that_of_its_step_is_found(planted, old, new, steps):
    assert old in PLANTED
    root = planted(PLANTED.replace(old, new))
    assert digested_steps(read_rules(root)[1], functions(root)) == steps


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rule:\n    input: []\n", "a rule has no name"),
        ("use rule * from other\n", r"cannot tell which rule this is: use rule \* from other"),
        ("use rule a from other as b with:\n    log: 'b'\n", "cannot tell which rule"),
        ("use rule nothing as b with:\n    log: 'b'\n", "cannot tell which rule"),
    ],
)
def test_a_rule_that_cannot_be_told_is_refused(planted, text, message):
    with pytest.raises(ValueError, match=message):
        read_rules(planted(text))
