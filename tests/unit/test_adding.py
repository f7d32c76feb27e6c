"""The examples of docs/adding.md: the tests of every plug-in find them, and the commands name what is defined."""

import json
import re
import subprocess
import sys

import pytest
from adding_page import commands, configs, copy_with_examples, examples
from snakemake_run import variables

#: Completes the configs that are read from the standard input, as Snakemake does.
COMPLETE = """
import json, sys
sys.path[:0] = ["workflow/scripts", "tests", "tests/helpers"]
from configs import completed
for over in json.load(sys.stdin):
    completed(over)
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a copy of the repository with all examples."""
    return copy_with_examples(tmp_path_factory.mktemp("copy"))


def python(folder, *arguments, **options):
    """Run Python in a copy; return the finished process."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=variables(),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,
    )


def test_the_page_has_an_example_of_each_kind():
    new = [path for how, path, _ in examples() if how == "New file"]
    for folder in ("models", "rerank", "rerank/fusion", "features/encoders"):
        assert any(re.fullmatch(rf"workflow/scripts/reelrank/{folder}/\w+\.py", path) for path in new), folder
    for folder in ("datasets", "prompts"):
        assert any(re.fullmatch(rf"config/{folder}/[\w-]+\.yaml", path) for path in new), folder


def test_the_tests_of_plug_ins_find_the_examples_and_pass(copy):
    for command in commands():
        if "pytest" in command:
            done = python(copy, *command[1:], "-p", "no:cacheprovider")
            assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def test_the_commands_name_what_is_defined(copy):
    done = python(copy, "-c", COMPLETE, input=json.dumps(configs()))
    assert done.returncode == 0, done.stderr


def test_the_code_keeps_the_style_of_the_house(copy):
    files = [path for _, path, _ in examples() if path.endswith(".py")]
    done = python(copy, "-m", "ruff", "check", *files)
    assert done.returncode == 0, done.stdout
    done = python(copy, "-m", "ruff", "format", "--check", *files)
    assert done.returncode == 0, done.stdout
