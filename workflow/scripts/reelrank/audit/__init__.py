"""Checks that must hold for any run, computed again from its files by separate code."""
