"""Tables and figures made from per-user ranks."""
