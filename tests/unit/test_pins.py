"""The pins of pip and of the conda environments are the same."""

import re
from pathlib import Path

import pytest
import yaml
from environments import canonical, entries

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENTS = sorted((REPOSITORY / "envs").glob("*.yaml"))


def pinned(line, equals):
    """Return name and version of a requirement that is pinned by `equals`."""
    match = re.fullmatch(rf"([A-Za-z0-9._-]+){equals}([0-9][0-9a-z.]*)", line)
    assert match, f"{line!r} is not pinned by {equals}"
    return canonical(match[1]), match[2]


def requirements(name):
    """Return the pins of a requirements file."""
    lines = [line.partition("#")[0].strip() for line in (REPOSITORY / name).read_text(encoding="utf-8").splitlines()]
    pairs = [pinned(line, "==") for line in lines if line and not line.startswith("-r ")]
    assert len(dict(pairs)) == len(pairs), f"{name} names a package twice"
    return dict(pairs)


def environment(path):
    """Return the pins of a conda environment, conda's and pip's, and its python."""
    by_conda, by_pip = entries(path)
    pairs = [pinned(entry, "=") for entry in by_conda if entry != "pip"]
    pairs += [pinned(line, "==") for line in by_pip]
    assert len(dict(pairs)) == len(pairs), f"{path.name} names a package twice"
    assert bool(by_pip) == ("pip" in by_conda), f"{path.name} has pip where something comes by pip, and only there"
    pins = dict(pairs)
    return pins.pop("python", None), pins


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_an_environment_has_the_pins_of_requirements(path):
    python, pins = environment(path)
    expected = requirements("requirements.txt")
    assert {name: version for name, version in pins.items() if expected.get(name) != version} == {}
    assert re.fullmatch(r"3\.\d+", python), "one minor version of python"
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert f'">={python},<' in project
    assert yaml.safe_load(path.read_text(encoding="utf-8"))["channels"][-1] == "nodefaults"


def test_every_requirement_is_in_an_environment():
    everywhere = {name for path in ENVIRONMENTS for name in environment(path)[1]}
    assert set(requirements("requirements.txt")) == everywhere


def test_development_pins_add_to_those_of_the_workflow():
    assert not set(requirements("requirements-dev.txt")) & set(requirements("requirements.txt"))
