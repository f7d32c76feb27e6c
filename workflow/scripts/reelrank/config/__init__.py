"""The config: merged, checked and completed. Nothing heavy is imported, since Snakemake itself runs it."""
