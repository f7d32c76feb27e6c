"""The cluster that these tests share."""

from slurm_fixture import cluster

__all__ = ["cluster"]
