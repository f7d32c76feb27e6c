"""Metrics of one held-out item per user, their intervals and tests: arrays in, numbers out."""
