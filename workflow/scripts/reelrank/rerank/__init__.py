"""Re-rankers: each turns the head of a base list into scores, and `RankedLists.reordered` does the rest."""
