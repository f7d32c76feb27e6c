"""An undisturbed run, which every drill must come to, and the cluster of those that run on one."""

import random

import pytest
from interrupted_run import CONFIG
from slurm_fixture import cluster
from snakemake_run import copy_repository, result_bytes, snakemake

__all__ = ["cluster"]


@pytest.fixture(scope="session")
def expected(tmp_path_factory):
    """Return the content of every result of an undisturbed run."""
    folder = copy_repository(tmp_path_factory.mktemp("undisturbed"))
    process = snakemake(folder, *CONFIG)
    assert process.returncode == 0, process.stdout + process.stderr
    return result_bytes(folder)


@pytest.fixture
def folder(tmp_path):
    """Return a copy of the repository."""
    return copy_repository(tmp_path)


@pytest.fixture
def moments(request):
    """Return a generator of random moments, the same for a drill every time."""
    return random.Random(request.node.name)
