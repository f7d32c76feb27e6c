"""One toy run that the workflow tests share."""

from pathlib import Path

import pytest
from snakemake_run import copy_repository, snakemake

AUDIT = Path(__file__).parents[1] / "audit"


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """Return a copy of the repository that tests must leave as it is."""
    return copy_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """Return a copy of the repository in which the toy config has run; what was renamed is noted in ``renames.txt``."""
    folder = copy_repository(tmp_path_factory.mktemp("toy"))
    environment = {"PYTHONPATH": str(AUDIT), "REELRANK_TEST_RENAMES": str(folder / "renames.txt")}
    process = snakemake(folder, "--configfile", "tests/config/toy.yaml", environment=environment)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder
