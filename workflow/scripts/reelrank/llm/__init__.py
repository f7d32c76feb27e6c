"""Generative re-ranking: prompts as data, clients, answers kept once, and a parser that loses nothing."""
