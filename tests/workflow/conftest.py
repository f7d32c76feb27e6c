"""The copy of the repository that the workflow tests share."""

import pytest
from snakemake_run import copy_repository


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    """Return a copy of the repository that tests must leave as it is."""
    return copy_repository(tmp_path_factory.mktemp("repository"))
