"""Library of the reelrank workflow: plain functions over arrays and tables.

Nothing here imports Snakemake except `reelrank.step`; nothing heavy (torch,
transformers, matplotlib) is imported by importing this package.
"""
