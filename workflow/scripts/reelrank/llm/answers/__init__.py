"""What a language model answered: read, repaired and made into lists."""
