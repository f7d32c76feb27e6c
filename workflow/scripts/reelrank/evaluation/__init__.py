"""Beyond accuracy: what lists hold, for whom they work, what a model's answers are like, and what they cost."""
