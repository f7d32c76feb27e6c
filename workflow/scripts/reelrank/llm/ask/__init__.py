"""Asking a language model: who is asked, walks of questions, the cache, the budget, the ledger."""
