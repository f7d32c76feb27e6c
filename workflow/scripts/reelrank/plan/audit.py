"""Inputs and params of the audit. No heavy import: Snakemake itself runs this."""

from types import SimpleNamespace

from reelrank.config import fields
from reelrank.config.rerankers import reranker_depth
from reelrank.plan.paths import PREDICTED, by_split, every, fill
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
    reranking : reelrank.plan.reranking.Reranking
    fusing : reelrank.plan.fusing.Fusing

    Attributes
    ----------
    protocols : list of str
        The protocols with redrawn targets.
    rescored_fusions : list of str
        The base models whose fusions are scored again.
    fitted : list of str
        See `reelrank.plan.redrawing.fitted_in_sample`.
    """

    def __init__(self, config, paths, selection, features, asking, reranking, fusing):
        self.config, self.paths, self.selection = config, paths, selection
        self.features, self.asking, self.reranking, self.fusing = features, asking, reranking, fusing
        self.rescored_fusions = fusing.base_models if config["audit"]["users"] else []
        self.protocols = [redrawn(protocol) for protocol in selection.protocols]
        self.fitted = fitted_in_sample(config)

    def rescored(self, wildcards):
        """Return the files with what other held-out items change in the lists of each base model."""
        if not self.config["audit"]["users"]:
            return []
        chosen = {"base_model": self.selection.base_models, "seed": self.selection.seeds}
        lists = every(fill(self.paths.rescored, wildcards, what="lists"), **chosen)
        chosen["base_model"] = self.rescored_fusions
        return lists + every(fill(self.paths.rescored, wildcards, what="fusions"), **chosen)

    def settings(self):
        """Return the settings of the steps that score lists again."""
        return {key: self.config["audit"][key] for key in ("users", "slow_users", "seed")} | {
            "threads": self.config["threads"]
        }

    def is_trained(self, base_model):
        """Return whether a model of this run makes the lists of a base model."""
        return base_model in self.selection.trained

    def _rescorable(self):
        return [*self.reranking.light, *self.reranking.heavy]

    def list_inputs(self, wildcards):
        """Return the inputs of the step that scores a base list and its re-rankings again."""
        names = ["identity", *self._rescorable()]
        files = {split: every(path, wildcards, reranker=names) for split, path in by_split(self.paths.lists).items()}
        files |= {"interactions": fill(self.paths.interactions, wildcards), "split": fill(self.paths.split, wildcards)}
        files["read"] = sorted({path for name in self._rescorable() for path in self._files(wildcards, name)})
        if self.is_trained(wildcards.base_model):
            files["read"] += [fill(self.paths.model_description, wildcards)]
            files["weights"] = fill(self.paths.model_weights, wildcards)
        return files

    def _files(self, wildcards, name):
        """Return all files that a re-ranker reads, in one list."""
        for value in self.reranking.inputs(_of(wildcards, name)).values():
            yield from value if isinstance(value, list) else [value]

    def rerankers(self, wildcards):
        """Return what the step needs to score with each re-ranker."""
        return {name: self._reranker(_of(wildcards, name)) for name in self._rescorable()}

    def _reranker(self, wildcards):
        of = self.reranking
        parts = {part: getattr(of, part)(wildcards) for part in ("block", "needs", "settings", "inputs")}
        about = {"base_model": wildcards.base_model, "seed": int(wildcards.seed)}
        about["depth"] = reranker_depth(self.config, wildcards.reranker)
        return {**parts, "about": about, "slow": wildcards.reranker in of.heavy}

    def fusion_inputs(self, wildcards):
        """Return the lists and the fitted fusions that the step scores again."""
        names = self.selection.fusions
        files = {split: every(path, wildcards, reranker=names) for split, path in by_split(self.paths.lists).items()}
        files |= {f"base_{split}": fill(path, wildcards) for split, path in by_split(self.paths.base_lists).items()}
        return {**files, "fitted": every(self.paths.fitted, wildcards, reranker=names)}

    def loaded(self, base_model):
        """Return the files below ``workflow/scripts`` that the step for the lists of a base model loads by name."""
        own = [f"reelrank/models/{self.config['models'][base_model]['type']}.py"] if self.is_trained(base_model) else []
        return sorted({*own, *(path for name in self._rescorable() for path in self.reranking.loaded(name))})

    def redrawn(self, wildcards):
        """Return the split with redrawn targets, and the lists that were made under it."""
        bases = audited_base_models(self.config)
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

    def not_rescored(self):
        """Return the base models and re-rankers of the run whose lists are not scored again."""
        if not self.config["audit"]["users"]:
            return {"base_models": self.selection.base_models, "rerankers": self.selection.rerankers}
        own = [*self._rescorable(), *self.selection.fusions, "identity"]
        return {
            "base_models": [name for name in self.selection.base_models if not self.is_trained(name)],
            "rerankers": [name for name in self.selection.rerankers if name not in own],
        }

    def left_out(self):
        """Return the base models and re-rankers of the run that the audit by redrawing leaves out."""
        bases, rerankers = audited_base_models(self.config), audited_rerankers(self.config)
        return {
            "base_models": [name for name in self.selection.base_models if name not in bases],
            "rerankers": [name for name in self.selection.rerankers if name not in rerankers],
        }


def _of(wildcards, reranker):
    """Return the wildcards of a re-ranker's list over the base list of `wildcards`."""
    return SimpleNamespace(
        **{key: getattr(wildcards, key) for key in ("dataset", "protocol", "base_model", "seed")}, reranker=reranker
    )
