"""Metrics for one held-out item per user, with intervals and tests. Functions of arrays only."""
