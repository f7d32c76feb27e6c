"""Generative re-ranking: prompts as data, clients, cached answers, and a parser that loses no candidate."""
