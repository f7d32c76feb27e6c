"""Parameters of the sample dataset as the workflow passes them, complete."""

from types import SimpleNamespace

from reelrank.config.schema import Problems, check, filled, load_schema


def sample_parameters(**given):
    """Return the parameters that are given, and the defaults of the schema for the rest."""
    schema = load_schema("config")["$defs"]["dataset"]["properties"]["generate"]
    problems = Problems()
    check(given, schema, "generate", problems)
    problems.stop()
    return SimpleNamespace(**filled(given, schema))


def changed(parameters, **changes):
    """Return the same parameters with some of them changed."""
    return SimpleNamespace(**{**vars(parameters), **changes})
