"""Helpers that the Snakefile starts: the console, the arguments for `make resume`, and fixes for SLURM."""
