"""Options, prompts, chat models and prices of generative re-rankers. No heavy import: Snakemake itself runs this."""

import json
from functools import cache

from reelrank.config import generative
from reelrank.config.rerankers import reranker_depth
from reelrank.plan.features import given_files
from reelrank.plan.paths import every, fill


class Asking:
    """The generative re-rankers of the run.

    Parameters
    ----------
    config : dict
        Completed.
    paths : reelrank.plan.paths.Paths
    selection : reelrank.plan.selection.Selection
    language_models : reelrank.plan.language_models.LanguageModels
    folder : Path
        The folder ``config/``, with the prompts and the prices.

    Attributes
    ----------
    in_process, by_request : list of str
        The re-rankers whose language model runs in the job itself, and those that send requests to a service.
    """

    def __init__(self, config, paths, selection, language_models, folder):
        self.config, self.paths, self.selection = config, paths, selection
        self.language_models = language_models
        self.prices = generative.load_prices(folder)
        self._load_prompt = cache(lambda name: generative.load_prompt(folder, name))
        self.in_process = [name for name in selection.asked if generative.in_process(config, name)]
        self.by_request = [name for name in selection.asked if name not in self.in_process]

    def options_of(self, reranker):
        """Return the complete options of a generative re-ranker."""
        return generative.generative_options(self.config, reranker)

    def options(self, wildcards):
        """Return the options of the re-ranker that is asked."""
        return self.options_of(wildcards.reranker)

    def prompt_of(self, reranker):
        """Return the definition of a generative re-ranker's prompt; None for any other type."""
        if self.config["rerankers"][reranker]["type"] != "generative":
            return None
        return self._load_prompt(self.config["rerankers"][reranker]["prompt"])

    def prompt(self, wildcards):
        """Return the definition of the prompt of the re-ranker that is asked."""
        return self.prompt_of(wildcards.reranker)

    def prompts(self):
        """Return the definition of the prompt of each generative re-ranker."""
        return {name: self.prompt_of(name) for name in self.selection.asked}

    def limits(self, wildcards):
        """Return the limits on cost and rate, as JSON, since a resource must be a number or a string."""
        return json.dumps(generative.limits(self._chat_model_of(wildcards.reranker)))

    def price(self, wildcards):
        """Return the prices of its chat model's tokens, as JSON."""
        return json.dumps(generative.price_of(self.prices, self._chat_model_of(wildcards.reranker)))

    def price_of_each(self):
        """Return the token prices of each re-ranker; zeros if it asks no chat model."""
        return {name: generative.price_of(self.prices, self._chat_model_of(name)) for name in self.selection.rerankers}

    def _chat_model_of(self, reranker):
        return generative.chat_model_of(self.config, reranker)

    def model_files(self, wildcards):
        """Return the files of the language model that runs in the job; none if a service is asked."""
        if wildcards.reranker not in self.in_process:
            return []
        chat_model = self._chat_model_of(wildcards.reranker)
        name = chat_model["language_model"]
        return self.language_models.files(wildcards, name) if name else given_files(chat_model)

    def chat_model(self, wildcards):
        """Return the block of the chat model that is asked, without its limits.

        If the model runs in the job, the block also has the files to load and the threads (they decide the order of
        floating-point sums).
        """
        chat_model = generative.without_limits(self._chat_model_of(wildcards.reranker))
        if wildcards.reranker not in self.in_process:
            return chat_model
        name = chat_model["language_model"]
        source = self.language_models.source(wildcards, name) if name else {}
        return chat_model | source | {"threads": self.config["threads"]}

    def estimated(self):
        """Return the settings that decide the requests of each generative re-ranker and their price."""
        return {
            name: {
                "options": self.options_of(name),
                "chat_model": generative.without_limits(self._chat_model_of(name)),
                "prompt": self.prompt_of(name),
                "prices": generative.price_of(self.prices, self._chat_model_of(name)),
                "depth": reranker_depth(self.config, name),
            }
            for name in self.selection.asked
        }

    def base_lists(self, wildcards):
        """Return all base lists of the run under one protocol."""
        chosen = {"base_model": self.selection.base_models, "seed": self.selection.seeds}
        return every(self.paths.base_lists, wildcards, **chosen, split=("valid", "test"))

    def shown_fields(self):
        """Return the item fields that the prompts of the run show, each once."""
        return list(dict.fromkeys(field for name in self.selection.asked for field in self.options_of(name)["fields"]))

    def _beside_titles(self, wildcards, shown):
        tables = {field: self.paths.texts for field in shown if field in self.config["tags"]}
        tables |= {"comments": self.paths.comments} if "comments" in shown else {}
        return {field: fill(pattern, wildcards, field=field) for field, pattern in tables.items()}

    def shown(self, wildcards):
        """Return the tables that the prompts of a re-ranker show beside titles: comments, and tags of pictures."""
        return self._beside_titles(wildcards, self.options(wildcards)["fields"])

    def shown_by_all(self, wildcards):
        """Return the tables that the prompts of all generative re-rankers show beside titles."""
        return self._beside_titles(wildcards, self.shown_fields())

    def slides(self, reranker):
        """Return whether a window slides over the list, so that an answer decides the next question."""
        options = self.options_of(reranker)
        by_window = options["strategy"] in ("listwise", "letter_logits")
        return by_window and options["window"] < reranker_depth(self.config, reranker)
