"""One SLURM that all tests of a session share, for the `conftest.py` of their folders to import."""

import pytest
import slurm_cluster


@pytest.fixture(scope="session")
def cluster():
    """Return a running `slurm_cluster.Cluster`; the tests are skipped where none can be started."""
    reason = slurm_cluster.missing()
    if reason:
        pytest.skip(reason)
    with slurm_cluster.running_cluster() as running:
        yield running
