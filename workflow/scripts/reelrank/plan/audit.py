"""Inputs and params of the audit. No heavy import: Snakemake itself runs this."""

from reelrank.config import fields
from reelrank.plan.paths import PREDICTED, every, fill
from reelrank.plan.redrawing import audited_base_models, audited_rerankers, fitted_in_sample, redrawn


class Audit:
    """The inputs and params of the audit.

    Parameters
    ----------
    config : dict
        Completed.
    paths : reelrank.plan.paths.Paths
    selection : reelrank.plan.selection.Selection
    features : reelrank.plan.features.Features
    asking : reelrank.plan.asking.Asking

    Attributes
    ----------
    protocols : list of str
        The protocols with redrawn targets.
    fitted : list of str
        See `reelrank.plan.redrawing.fitted_in_sample`.
    """

    def __init__(self, config, paths, selection, features, asking):
        self.config, self.paths, self.selection = config, paths, selection
        self.features, self.asking = features, asking
        self.protocols = [redrawn(protocol) for protocol in selection.protocols]
        self.fitted = fitted_in_sample(config)

    def redrawn(self, wildcards):
        """Return the split with redrawn targets, and the lists that were made under it."""
        bases = audited_base_models(self.config)
        if not bases:
            return {}
        protocol = redrawn(wildcards.protocol)
        lists = every(
            fill(self.paths.lists, wildcards, protocol=protocol),
            base_model=bases,
            seed=self.selection.seeds,
            reranker=audited_rerankers(self.config),
            split=PREDICTED,
        )
        return {"redrawn_split": fill(self.paths.split, wildcards, protocol=protocol), "redrawn_lists": lists}

    def texts(self, wildcards):
        """Return the item texts made from training interactions that features and prompts read."""
        readers = [(name, "rerankers") for name in self.selection.rerankers]
        readers += [(name, "models") for name in self.selection.needed]
        read = [feature for name, section in readers for feature in fields.features_of(self.config, name, section)]
        joined = [source for _, field in read for source in fields.source_fields(self.config, field)]
        sources = dict.fromkeys([*joined, *self.asking.shown_fields()])
        of_training = [source for source in sources if fields.is_of_training(self.config, source)]
        return [fill(self.paths.texts, wildcards, field=source) for source in of_training]

    def tags(self, wildcards):
        """Return the tables of tags that prompts show, by field."""
        shown = [field for field in self.asking.shown_fields() if field in self.config["tags"]]
        return {field: fill(self.paths.texts, wildcards, field=field) for field in shown}

    def asked(self, wildcards):
        """Return the answers and ledgers of the generative re-rankers; the audit renders their prompts again."""
        if not self.selection.asked:
            return {}
        chosen = {
            "base_model": self.selection.base_models,
            "seed": self.selection.seeds,
            "reranker": self.selection.asked,
        }
        return {
            "answers": every(self.paths.answers, wildcards, **chosen, split=PREDICTED),
            "ledgers": every(self.paths.ledger, wildcards, **chosen),
        }

    def left_out(self):
        """Return the base models and re-rankers of the run that the audit by redrawing leaves out."""
        bases, rerankers = audited_base_models(self.config), audited_rerankers(self.config)
        return {
            "base_models": [name for name in self.selection.base_models if name not in bases],
            "rerankers": [name for name in self.selection.rerankers if name not in rerankers],
        }
