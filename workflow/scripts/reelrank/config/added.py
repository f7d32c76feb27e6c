"""What completing a config adds by itself. It imports nothing: the report asks it, without the schemas."""

#: Keys that completing a config adds to blocks; a config must not hold them.
NOTED = ("left_out", "rung", "rung_of", "over", "stages", "control_of", "added_for", "twins", "twin_of")

#: Those of them that change no result.
MARKS = tuple(key for key in NOTED if key != "stages")


def origin(name, block):
    """Return the name of the block that a twin or a rung is built from; None for any other block."""
    of = block.get("rung_of") or block.get("twin_of")
    return None if of == name else of


def is_added(name, block):
    """Return whether the workflow added a block by itself: a twin, a rung, or a re-ranker that a rung reads."""
    return bool({"control_of", "added_for"} & set(block)) or origin(name, block) is not None
