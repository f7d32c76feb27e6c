"""Base models as the workflow builds them, from complete options."""

from reelrank.config.schema import options as complete_options
from reelrank.models import model_class


def model_of(kind, n_users, n_items, **options):
    """Return a model of a type that is not fitted; options that are not given have their defaults."""
    return model_class(kind)(complete_options("models", kind, **options), n_users, n_items)
