"""The conda environments: specs that conda can read, all that the steps import, and nothing else."""

import importlib.metadata
import shutil
import warnings
from pathlib import Path

import pytest
import rattler
import yaml
from environments import KEPT, PLUGIN, declared, entries, faults, imports, needed
from packaging.requirements import Requirement
from rattler.exceptions import InvalidMatchSpecError
from workflow_rules import Rule, all_rules

REPOSITORY = Path(__file__).parents[2]
ENVIRONMENTS = sorted((REPOSITORY / "envs").glob("*.yaml"))
PACKAGES = [
    (path.stem, name)
    for path in ENVIRONMENTS
    for name in sorted(declared(path))
    if (path.stem, name) not in KEPT and not name.startswith(PLUGIN)
]


def check_spec(spec):
    """Raise where a spec cannot be read; warn where only rattler's strict mode refuses it.

    Strict mode is wrong about specs that conda takes: ``name=1.2.*``, ``name>=1.2.*`` and ``name=1.2=py311*``.
    """
    rattler.MatchSpec(spec)
    try:
        rattler.MatchSpec(spec, strict=True)
    except InvalidMatchSpecError as error:
        warnings.warn(f"{spec}: {error}", stacklevel=2)


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_the_specs_of_an_environment_can_be_read(path):
    by_conda, by_pip = entries(path)
    for spec in by_conda:
        check_spec(spec)
    for line in by_pip:
        assert len(Requirement(line).specifier) == 1


@pytest.mark.parametrize(
    "spec", ["numpy==", "numpy===2", "numpy=", "numpy=2.4.6,", "../a.conda", "numpy=2..4", "nümpy=2"]
)
def test_a_broken_spec_fails(spec):
    with pytest.raises(InvalidMatchSpecError):
        check_spec(spec)


@pytest.mark.parametrize("spec", ["numpy=2.4.*", "numpy>=2.4.*", "numpy=2.4.6=py311*", "num py"])
def test_what_only_strict_mode_refuses_is_a_warning(spec):
    with pytest.warns(UserWarning, match="num"):
        check_spec(spec)


@pytest.mark.parametrize("path", ENVIRONMENTS, ids=lambda path: path.stem)
def test_channels_are_those_of_the_community(path):
    channels = yaml.safe_load(path.read_text(encoding="utf-8"))["channels"]
    assert channels[0] == "conda-forge" and channels[-1] == "nodefaults"
    assert set(channels) <= {"conda-forge", "bioconda", "nodefaults"}


@pytest.fixture(scope="module")
def imported():
    return imports(REPOSITORY, all_rules(REPOSITORY).values())


@pytest.fixture(scope="module")
def distributions():
    return importlib.metadata.packages_distributions()


def test_environments_have_what_their_rules_import_and_nothing_else(imported, distributions):
    assert faults(REPOSITORY / "envs", imported, distributions=distributions) == []


@pytest.mark.parametrize(("environment", "package"), PACKAGES)
def test_a_package_that_is_taken_away_is_missed(environment, package, imported, distributions, tmp_path):
    folder = Path(shutil.copytree(REPOSITORY / "envs", tmp_path / "envs"))
    path = folder / f"{environment}.yaml"
    block = yaml.safe_load(path.read_text(encoding="utf-8"))
    without = [drop(entry, package) for entry in block["dependencies"]]
    path.write_text(yaml.safe_dump({"dependencies": [entry for entry in without if entry]}), encoding="utf-8")
    assert declared(path) == declared(REPOSITORY / "envs" / path.name) - {package}
    before = faults(REPOSITORY / "envs", imported, distributions=distributions)
    found = set(faults(folder, imported, distributions=distributions)) - set(before)
    assert found and all(line.startswith(f"{environment}.yaml lacks ") for line in found)


def drop(entry, package):
    """Return an entry of an environment without a package: nothing, or a shorter list for pip."""
    if isinstance(entry, dict):
        return {"pip": [line for line in entry["pip"] if drop(line, package)]}
    same = entry.split("=")[0].replace("_", "-").lower() in {package, f"{package}-base", f"{package}-minimal"}
    return None if same else entry


#: The rules of a workflow of one step.
RULES = [Rule("first", "a", "first.py", None), Rule("show", "a", None, None)]

#: Its files, with imports of every form. `idle` is imported by a function that nothing calls.
PLANTED = {
    "Snakefile": "from reelrank import settings\nsettings.load()\n",
    "envs/a.yaml": "dependencies: [python=3.11, one=1, two=2, pip, {pip: [three==3, four==4, five==5]}]",
    "envs/snakemake.yaml": "dependencies: [six=6, snakemake-executor-plugin-x=1]",
    "workflow/scripts/first.py": """
import one.part
from reelrank.models import load


def main():
    from two import something

    load("x")


main()
""",
    "workflow/scripts/reelrank/__init__.py": "",
    "workflow/scripts/reelrank/settings.py": "def load():\n    import six\n",
    "workflow/scripts/reelrank/models/__init__.py": """
import importlib

from reelrank.far import away as near


def load(kind):
    near()
    return importlib.import_module(f"reelrank.models.{kind}").Model()


def unused():
    import idle
""",
    "workflow/scripts/reelrank/models/x.py": "import three\nclass Model:\n    def run(self):\n        import four\n",
    "workflow/scripts/reelrank/far.py": "def away():\n    import importlib\n    importlib.import_module('five.sub')\n",
}
NUMBERS = {name: [name] for name in ("one", "two", "three", "four", "five", "six", "idle")}


def plant(root, **changes):
    """Write the planted workflow, with other text in some files."""
    for name, text in {**PLANTED, **{key.replace("__", "/"): text for key, text in changes.items()}}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return faults(root / "envs", imports(root, RULES), kept={}, distributions=NUMBERS)


def test_imports_of_every_form_are_found(tmp_path):
    assert plant(tmp_path) == []
    found = needed(tmp_path / "workflow" / "scripts", "first.py")
    assert found == {
        "one": "first.py",
        "two": "first.py",
        "three": "reelrank/models/x.py",
        "four": "reelrank/models/x.py",
        "five": "reelrank/far.py",
    }


@pytest.mark.parametrize("name", ["one", "two", "three", "four", "five"])
def test_a_planted_lack_is_found(name, tmp_path):
    spec = {"one": "one=1, ", "two": "two=2, ", "three": "three==3, ", "four": "four==4, ", "five": ", five==5"}[name]
    plant(tmp_path)
    (tmp_path / "envs" / "a.yaml").write_text(PLANTED["envs/a.yaml"].replace(spec, ""), encoding="utf-8")
    (found,) = faults(tmp_path / "envs", imports(tmp_path, RULES), kept={}, distributions=NUMBERS)
    assert found.startswith(f"a.yaml lacks {name}, which ") and found.endswith("imports for rule first")


def test_a_lack_of_the_engine_a_needless_package_and_a_needless_exception_are_found(tmp_path):
    plant(tmp_path)
    (tmp_path / "envs" / "snakemake.yaml").write_text("dependencies: [idle=1]", encoding="utf-8")
    assert faults(tmp_path / "envs", imports(tmp_path, RULES), {("a", "one"): "why"}, NUMBERS) == [
        "a.yaml: one is no exception any more",
        "snakemake.yaml lacks six, which reelrank/settings.py imports for the Snakefile",
        "snakemake.yaml has idle, which nothing imports",
    ]
    assert faults(tmp_path / "envs", imports(tmp_path, RULES), {("snakemake", "idle"): "why"}, NUMBERS) == [
        "snakemake.yaml lacks six, which reelrank/settings.py imports for the Snakefile"
    ]


def test_a_method_that_imports_for_its_caller_counts(tmp_path):
    text = "def away(table):\n    return table.to_pandas(), __import__('five')\n"
    (found,) = plant(tmp_path, **{"workflow__scripts__reelrank__far.py": text})
    assert found == "a.yaml lacks pandas, which reelrank/far.py imports for rule first"


def test_an_environment_that_is_no_file_is_found(tmp_path):
    plant(tmp_path)
    (tmp_path / "envs" / "a.yaml").unlink()
    assert faults(tmp_path / "envs", imports(tmp_path, RULES), {}, NUMBERS) == [
        "a.yaml is no file, and rule first, rule show names it"
    ]


@pytest.mark.parametrize("name", ['f"{kind}"', "kind", "'reelrank.nothing'"])
def test_a_load_by_a_name_that_cannot_be_followed_is_refused(name, tmp_path):
    text = f"import importlib\n\n\ndef away():\n    importlib.import_module({name})\n"
    with pytest.raises(ValueError, match=r"reelrank/far\.py, line 5"):
        plant(tmp_path, **{"workflow__scripts__reelrank__far.py": text})
