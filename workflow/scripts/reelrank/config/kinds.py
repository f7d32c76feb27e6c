"""The words with which schema entries describe plug-ins. Every step may import this file: it imports nothing."""

#: Kinds of list, in the order of the result tables.
KINDS = ("base", "control", "collaborative", "discriminative", "generative", "fusion")

#: What a type can read.
READS = ("interactions", "metadata", "words", "images", "encoder", "language_model")
