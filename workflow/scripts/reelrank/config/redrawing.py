"""The check of the config key ``audit``. No heavy import: Snakemake itself runs this."""

from reelrank.errors import InputError, suggest


def check_audit(config):
    """Check that the audited base models are defined; raise `InputError` with the key that is wrong."""
    for name in config["audit"]["base_models"] or []:
        if name not in config["models"]:
            raise InputError(f"config key audit.base_models: unknown name {name!r}; {suggest(name, config['models'])}")
