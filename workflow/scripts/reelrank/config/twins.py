"""The twins of fusions, by the completed config. It imports nothing: the report asks it, without the schemas."""


def twins(config):
    """Return the twin of each fusion of the run that has one: the same fusion without language or image models."""
    blocks = {name: config["rerankers"][name] for name in config["run"]["rerankers"]}
    return {block["twin_of"]: name for name, block in blocks.items() if block.get("twin_of")}
