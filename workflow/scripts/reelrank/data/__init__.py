"""The prepared data as tables and arrays: contracts, interactions, splits, lists and texts."""
