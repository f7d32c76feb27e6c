"""The comparisons of the ladder, and the lists that the primary comparison chooses from.

No heavy import: Snakemake itself runs this.
"""

from reelrank.config.fusions import inert, rerankers_over
from reelrank.config.reads import reads
from reelrank.config.rerankers import reranker_kind
from reelrank.config.sources import source_of
from reelrank.errors import suggest

#: The base list as a re-ranker. (`reelrank.data` is not imported: it loads Arrow.)
BASE = "identity"

#: Rungs with permuted vectors: controls, which are never chosen as the best list.
CONTROL_RUNGS = ("permuted", "words_permuted")


def comparisons(config):
    """Return the comparisons of all rungs of the run; see `reelrank.evaluation.ladder.ladder_table`.

    A rung of a fusion is compared with the rungs below it, over every base model. A base model with item vectors is
    compared with its twins, by their base lists.
    """
    found = []
    for base_model in config["run"]["base_models"]:
        found += _of_item_input(config, base_model)
    for base_model in config["run"]["base_models"]:
        for name in rerankers_over(config, base_model):
            block = config["rerankers"][name]
            for other in block.get("over", ()):
                sides = [(base_model, one, config["rerankers"][one]["rung"]) for one in (name, other)]
                found.append(_comparison("ranking", *sides))
    return found


def _of_item_input(config, base_model):
    """Return the comparisons of a base model with item vectors and its twins, by their base lists."""
    named = {**config["models"][base_model].get("twins", {}), "own": base_model}
    rungs = {"own": rung_of(reads(config, "models", base_model))}
    steps = (("permuted", "no_text"), ("words", "no_text"), ("own", "words"), ("own", "permuted"))
    return [
        _comparison("item_input", *((named[rung], BASE, rungs.get(rung, rung)) for rung in step))
        for step in steps
        if set(step) <= set(named)
    ]


def rung_of(found):
    """Return the rung of a list that reads `found`, some of `reelrank.config.kinds.READS`."""
    return {"interactions": "no_text"}.get(source_of(found), source_of(found))


def _comparison(place, own, other):
    return {
        "place": place,
        **dict(zip(("base_model", "reranker", "rung"), own, strict=True)),
        **dict(zip(("against_base_model", "against", "against_rung"), other, strict=True)),
    }


def contenders(config):
    """Return the lists of the run that may be the best one, with what each reads, base model included.

    Controls are left out, and lists that can only be their base list.
    """
    found = []
    for base_model in config["run"]["base_models"]:
        block = config["models"][base_model]
        if block.get("rung") in CONTROL_RUNGS:
            continue
        for name in rerankers_over(config, base_model):
            if reranker_kind(config, name) != "control" and name not in inert(config):
                together = reads(config, "models", base_model) | reads(config, "rerankers", name)
                found.append({"base_model": base_model, "reranker": name, "reads": sorted(together)})
    return found


def primary_test(config, protocol):
    """Return the primary test of a protocol, as ``audit/plan.json`` keeps it: nothing in it depends on results."""
    given = config["primary_test"]
    return {
        "list": given["list"] or "the best list on valid that reads an encoder or a language model",
        "against": given["against"] or "the best list on valid that reads neither",
        "metric": "NDCG",
        "split": "test",
        "level": 0.05,
        "protocol": {protocol: config["protocols"][protocol]},
        "everything_else": "secondary, adjusted by Holm's method: docs/statistics.md",
    }


def check_primary_test(config, problems):
    """Note each list of ``primary_test`` that the run does not make, and a list that is compared with itself."""
    given, base_models = config["primary_test"], config["run"]["base_models"]
    for side in ("list", "against"):
        if given[side] is None:
            continue
        (base_model, reranker), key = given[side], f"config key primary_test.{side}"
        if base_model not in base_models:
            problems.add(f"{key}: the run has no base model {base_model!r}; {suggest(base_model, base_models)}")
        elif reranker not in (known := rerankers_over(config, base_model)):
            told = f"{key}: the run has no re-ranker {reranker!r} over {base_model!r}"
            problems.add(f"{told}; {suggest(reranker, known)}")
    if given["list"] is not None and given["list"] == given["against"]:
        problems.add(f"config key primary_test: found {given['list']} on both sides; expected two lists")
