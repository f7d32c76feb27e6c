"""Library of the reelrank workflow: plain functions over arrays and tables.

Only `reelrank.step` imports Snakemake. Importing this package imports nothing heavy (torch,
transformers, matplotlib).
"""
