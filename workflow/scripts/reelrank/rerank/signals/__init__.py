"""What a fusion reads of a candidate: the scores of other re-rankers, the history, training interactions."""
