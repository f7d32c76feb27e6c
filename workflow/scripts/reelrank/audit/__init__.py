"""Audits: what must hold of any run, computed again from its files by code of their own."""
