"""Asking a language model: users, chains of questions, cache, budget and ledger."""
