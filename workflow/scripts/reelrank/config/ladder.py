"""The ladder of controls: each fusion beside the same fusion with fewer sources.

Twins are built from what signals declare that they read, never from names. Text is credited over
``no_text``; an encoder or a language model only over ``words``, and beyond what permuted vectors add there.
No heavy import: Snakemake itself runs this.
"""

from reelrank.config.item_inputs import permuted_encoder
from reelrank.config.reads import reads_of_feature
from reelrank.config.rerankers import reranker_depth
from reelrank.config.schema import complete_block
from reelrank.config.sources import (
    TEXT_SOURCES,
    source_of_feature,
    source_of_reranker,
    source_of_words,
    text_fields,
)
from reelrank.errors import InputError

#: The sources of each rung, from the lowest to the highest. ``all`` is the fusion with everything that it reads.
RUNGS = {
    "no_text": ("interactions",),
    "permuted": ("interactions", "permuted"),
    "words": ("interactions", "words"),
    "words_permuted": ("interactions", "words", "permuted"),
    "encoder": ("interactions", "words", "encoder"),
    "language_model": ("interactions", "words", "encoder", "language_model"),
    "images": ("interactions", "images"),
    "all": ("interactions", "words", "encoder", "language_model", "images"),
}

#: The sources without which a rung does not exist.
NEEDS = {
    "permuted": ("permuted",),
    "words": ("words",),
    "words_permuted": ("words", "permuted"),
    "encoder": ("encoder",),
    "language_model": ("language_model",),
    "images": ("images",),
}

#: The rungs that each rung is compared with: of each group the first that exists. It is fitted upon the first.
OVER = {
    "no_text": (),
    "permuted": (("no_text",),),
    "words": (("no_text",),),
    "words_permuted": (("words",),),
    "encoder": (("words", "no_text"), ("words_permuted", "permuted")),
    "language_model": (("encoder", "words", "no_text"),),
    "images": (("no_text",),),
    "all": (("language_model", "encoder", "words"), ("images",)),
}

#: Ending of the name of a re-ranker with permuted vectors.
PERMUTED = "_permuted"


class Ladder:
    """The rungs of one fusion.

    Parameters
    ----------
    config : dict
        Its blocks are complete. Encoders and re-rankers that the rungs need are added to it.
    name : str
        The fusion; its block has ``signals``.
    problems : reelrank.config.schema.Problems
        Takes mistakes in blocks that are added.

    Attributes
    ----------
    added : list of str
        Re-rankers that were added to the config, for the run.
    """

    def __init__(self, config, name, problems):
        self.config, self.name, self.problems, self.added = config, name, problems, []
        self.block = config["rerankers"][name]
        self.columns = self._columns()

    def _columns(self):
        """Return the names of the signals, similarities and words of each source, controls included."""
        block, columns = self.block, {}

        def add(source, key, value):
            """Note one column."""
            columns.setdefault(source, {"signals": [], "similarities": [], "words": []})[key].append(value)

        for signal in block["signals"]:
            add(source_of_reranker(self.config, signal), "signals", signal)
        for feature in block.get("similarities", ()):
            add(source_of_feature(self.config, feature["encoder"], feature["field"]), "similarities", feature)
        if "words" in block:
            block["words"] = self._word_fields() if block["words"] is None else list(block["words"])
            for field in block["words"]:
                add(source_of_words(self.config, field), "words", field)
        # Words are as strong as the encoder only if they are signals wherever it is one, of the same fields.
        if self._models() and block.get("words", True):
            for field in self._missing_words(columns.get("words", {"signals": []})["signals"]):
                add("words", "signals", self._words_reranker(field))
        if "encoder" in columns:
            for signal in columns["encoder"]["signals"]:
                if self.config["rerankers"][signal]["type"] == "similarity":
                    add("permuted", "signals", self._permuted_reranker(signal))
            for feature in columns["encoder"]["similarities"]:
                add(
                    "permuted",
                    "similarities",
                    {**feature, "encoder": permuted_encoder(self.config, feature["encoder"])},
                )
        return columns

    def _word_fields(self):
        """Return the text fields that the fusion's encoders and language models read."""
        found = []
        for signal in self.block["signals"]:
            if source_of_reranker(self.config, signal) in ("encoder", "language_model"):
                found += text_fields(self.config, signal)
        for feature in self.block.get("similarities", ()):
            if source_of_feature(self.config, **feature) == "encoder":
                found += [feature["field"]] * ("images" not in reads_of_feature(self.config, **feature))
        known = {*self.config["fields"], *self.config["joined_fields"]}
        return [field for field in dict.fromkeys(found) if field in known]

    def _models(self):
        """Return the signals that read texts by an encoder or a language model."""
        named = ("encoder", "language_model")
        return [name for name in self.block["signals"] if source_of_reranker(self.config, name) in named]

    def _words_depth(self):
        """Return the depth of words: that of the deepest such signal, since a deeper list would be an advantage."""
        return max(reranker_depth(self.config, name) for name in self._models())

    def _missing_words(self, signals):
        """Return the fields that these signals read and that none of the words `signals` covers as deeply."""
        read = dict.fromkeys(field for name in self._models() for field in text_fields(self.config, name))
        deep = [name for name in signals if reranker_depth(self.config, name) >= self._words_depth()]
        covered = {field for name in deep for field in text_fields(self.config, name)}
        known = {*self.config["fields"], *self.config["joined_fields"]}
        return [field for field in read if field in known and field not in covered]

    def _words_reranker(self, field):
        """Return the name of a re-ranker by the words of a field; it is added to the run."""
        depth = self._words_depth()
        name = f"words_{field}" if depth == self.config["candidates"] else f"words_{field}_{depth}"
        return self._add(name, {"type": "words", "field": field, "depth": depth}, "added_for")

    def _permuted_reranker(self, signal):
        """Return the name of a signal's control with permuted vectors; it is added to the run."""
        block = {**self.config["rerankers"][signal], "pooling": "mean"}
        if block["encoder"]:
            block["encoder"] = permuted_encoder(self.config, block["encoder"])
        block["features"] = [
            {**feature, "encoder": permuted_encoder(self.config, feature["encoder"])} for feature in block["features"]
        ]
        return self._add(
            signal + PERMUTED, {key: value for key, value in block.items() if key != "left_out"}, "control_of"
        )

    def _add(self, name, block, mark):
        """Add a re-ranker to the config, whose block says under `mark` that the workflow made it."""
        complete = complete_block("rerankers", block, f"rerankers.{name}", self.problems)
        given = self.config["rerankers"].get(name)
        if given and {key: value for key, value in given.items() if key != mark} != complete:
            raise InputError(
                f"config key rerankers.{name}: the name is reserved for a signal of {self.name!r}; expected another"
            )
        self.config["rerankers"].setdefault(name, {**complete, mark: self.name})
        if name not in [*self.config["run"]["rerankers"], *self.added]:
            self.added.append(name)
        return name

    def rungs(self):
        """Return the rungs of the fusion, from the lowest to the highest, which is the fusion itself."""
        text = any(source in self.columns for source in TEXT_SOURCES)
        found = [rung for rung, needs in NEEDS.items() if all(source in self.columns for source in needs)]
        return ["no_text", *found, *(["all"] if text and "images" in found else [])]

    def blocks(self):
        """Return the blocks of all rungs by name, from the lowest to the fusion's own.

        Each has ``rung``, ``rung_of`` (the fusion), ``over`` (the names of the rungs that it is compared with) and
        ``stages``: the columns of the rungs that it is fitted upon, from the lowest to its own.
        """
        rungs = self.rungs()
        names = {rung: f"{self.name}_{rung}" for rung in rungs[:-1]} | {rungs[-1]: self.name}
        return {name: self._block(rung, names) for rung, name in names.items()}

    def _block(self, rung, names):
        if names[rung] != self.name and names[rung] in self.config["rerankers"]:
            raise InputError(
                f"config key rerankers.{names[rung]}: the name is reserved for a rung of {self.name!r}; expected "
                "another"
            )
        block = {**self.block, **self._own(rung)}
        if names[rung] != self.name:
            block.pop("left_out", None)
        return block | {
            **({"control_of": self.name} if "permuted" in RUNGS[rung] else {}),
            "rung": rung,
            "rung_of": self.name,
            "over": [names[lower] for lower in _over(rung, names)],
            "stages": [self._own(lower) for lower in _chain(rung, names)],
        }

    def _own(self, rung):
        """Return the columns of a rung, with the fusion's keys."""
        columns = [self.columns[source] for source in RUNGS[rung] if source in self.columns]
        keys = ["signals", *(key for key in ("similarities", "words") if key in self.block)]
        return {key: [value for own in columns for value in own[key]] for key in keys}


def _over(rung, rungs):
    """Return the rungs among `rungs` that one is compared with."""
    found = [[lower for lower in group if lower in rungs] for group in OVER[rung]]
    return [group[0] for group in found if group]


def _chain(rung, rungs):
    """Return the rungs among `rungs` that one is fitted upon, from the lowest to itself."""
    below = _over(rung, rungs)[:1]
    return [*(_chain(below[0], rungs) if below else []), rung]
