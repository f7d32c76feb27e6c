"""One toy run that the workflow tests share."""

import pytest
from snakemake_run import copy_repository, snakemake


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """Return a copy of the repository that tests must leave as it is."""
    return copy_repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """Return a copy of the repository in which the toy config has run."""
    folder = copy_repository(tmp_path_factory.mktemp("toy"))
    process = snakemake(folder, "--configfile", "tests/config/toy.yaml")
    assert process.returncode == 0, process.stdout + process.stderr
    return folder
