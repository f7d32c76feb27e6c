"""The workflow of continuous integration: it parses, and its jobs do what CONTRIBUTING.md says."""

import re
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
WORKFLOW = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
JOBS = WORKFLOW["jobs"]


def commands(job):
    """Return the shell lines of a job, with the workflow's variables filled in."""
    text = "\n".join(step["run"] for step in JOBS[job]["steps"] if "run" in step)
    return text.replace("$TOY", WORKFLOW["env"]["TOY"]).splitlines()


def test_it_may_only_read_and_stops_what_is_outdated():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert WORKFLOW["concurrency"]["cancel-in-progress"] is True
    # YAML 1.1 reads the key `on` as true.
    assert set(WORKFLOW[True]) == {"push", "pull_request", "workflow_dispatch"}


@pytest.mark.parametrize("job", JOBS)
def test_a_job_ends_in_time_and_its_actions_are_pinned(job):
    assert JOBS[job]["timeout-minutes"] <= 60
    assert re.fullmatch(r"ubuntu-\d\d\.\d\d", JOBS[job]["runs-on"])
    used = [step["uses"] for step in JOBS[job]["steps"] if "uses" in step]
    assert used and all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+(\.\d+)*", action) for action in used)
    assert all(("uses" in step) != ("run" in step) for step in JOBS[job]["steps"])


def test_lint_and_tests_run_on_the_python_of_the_environments():
    python = next(
        step["with"]["python-version"] for step in JOBS["test"]["steps"] if "setup-python" in step.get("uses", "")
    )
    for path in (REPOSITORY / "envs").glob("*.yaml"):
        assert f"python={python}" in yaml.safe_load(path.read_text(encoding="utf-8"))["dependencies"]
    targets = re.findall(r"^([\w-]+):", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    wanted = [line.split()[1] for line in commands("test") if line.startswith("make ")]
    assert {"lint", "test"} <= set(wanted) <= set(targets)


def test_the_toy_run_is_made_with_conda_and_without():
    toy = "snakemake --cores 2 --configfile tests/config/toy.yaml"
    assert f"{toy} --use-conda" in commands("toy-conda")
    assert f"{toy} --use-conda --conda-create-envs-only" in commands("toy-conda")
    assert f".venv/bin/{toy}" in commands("toy-pip")
    assert (REPOSITORY / "tests" / "config" / "toy.yaml").is_file()


def test_the_toy_run_is_made_on_slurm_too():
    assert commands("toy-slurm")[-1].endswith(" make test-slurm")
    ours = (REPOSITORY / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert ours.index("make test") < ours.index("make test-slurm")


def test_snakemake_runs_from_its_own_environment_alone():
    created = [line for line in commands("toy-conda") if line.startswith("conda env create")]
    assert [line.split("--file ")[1] for line in created] == ["envs/snakemake.yaml"]
    assert not any("pip install" in line for line in commands("toy-conda"))
