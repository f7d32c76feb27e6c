"""Item features: texts and pictures as vectors, one row per item."""
