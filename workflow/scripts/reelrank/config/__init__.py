"""The config: merged, checked and completed. It imports nothing heavy, since Snakemake itself runs it."""
