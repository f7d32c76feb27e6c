"""The cluster that the tests on SLURM share."""

from slurm_fixture import cluster

__all__ = ["cluster"]
