"""Inputs of fusions: the scores of other re-rankers, the history, and training interactions."""
