"""Effects and their tests; beyond accuracy: quality of lists, slices of users, quality of answers, cost."""
