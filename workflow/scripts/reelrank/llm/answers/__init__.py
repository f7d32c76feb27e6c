"""Answers of a language model: parsed, repaired and converted to lists."""
