"""What the Snakefile attaches to a run: its console, its arguments for `make resume`, and the SLURM executor."""
