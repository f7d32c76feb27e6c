"""The answer in a few sentences. Lists are chosen on valid; effects are measured on test."""

from dataclasses import dataclass

from reelrank.data.preparation import sparse_fields
from reelrank.report.values import count, interval, known, number, p_value, percent, signed, words

#: Significance level for p-values adjusted by Holm's method.
LEVEL = 0.05

#: A relative change whose interval lies within this many percent of 0 is no relevant difference.
RELEVANT = 1.0

METRICS = {"hit_rate": "Hits", "ndcg": "NDCG", "mrr": "MRR"}


@dataclass(frozen=True)
class Choice:
    """The best re-ranked list on valid, and whether it was better there than its base list."""

    base_model: str
    reranker: str
    beats_base_on_valid: bool
    valid_ndcg: float
    base_valid_ndcg: float


def valid_ndcg(run):
    """Return the mean NDCG@n on valid over the seeds, for lists with all users of the base list.

    A list for a sample of the users is left out: its mean would differ because of the sample.

    Returns
    -------
    dict of (str, str) to float
        By base model and re-ranker, in the order of the config.
    """
    table = run.tables["hit_rate"]
    rows = table[(table["split"] == "valid") & (table["n"] == run.n)]
    means = rows.groupby(["base_model", "reranker"])[["ndcg", "users"]].mean()
    found = {}
    for base in run.config["run"]["base_models"]:
        for name in run.rerankers:
            key, identity = (base, name), (base, "identity")
            if key in means.index and means.loc[key, "users"] >= means.loc[identity, "users"]:
                found[key] = float(means.loc[key, "ndcg"])
    return {key: value for key, value in found.items() if known(value)}


def choose(run, base_model=None, kinds=("collaborative", "discriminative", "generative", "fusion")):
    """Return the best list of some kinds on valid by NDCG@n, over all base models or one; None if there is none.

    A list that cannot differ from its base list, such as a sum without signals, is not chosen.
    """
    values = valid_ndcg(run)
    able = {
        key: value
        for key, value in values.items()
        if run.kinds[key[1]] in kinds
        and base_model in (None, key[0])
        and (key[0], "identity") in values
        and not _fixed(run, *key)
    }
    if not able:
        return None
    base, name = max(able, key=able.get)
    ours, theirs = able[base, name], values[base, "identity"]
    return Choice(base, name, ours > theirs, ours, theirs)


def _fixed(run, base_model, reranker):
    row = effect(run, base_model, reranker, metric="ndcg")
    return row is not None and row["structural_zero"]


def effect(run, base_model, reranker, metric="hit_rate", n=None):
    """Return the row of a list against its base list on test as a dict, or None; over all seeds if there are some."""
    table = run.tables["effects"]
    return _one(table[(table["base_model"] == base_model) & (table["reranker"] == reranker)], run, metric, n)


def compared(run, place, metric="ndcg", n=None):
    """Return the row of the ladder's comparison ``primary`` or ``words`` on test as a dict, or None."""
    table = run.tables["ladder"]
    return _one(table[table["place"] == place], run, metric, n)


def over_permuted(run, base_model, reranker):
    """Return the row of a list against the same list with permuted vectors on test as a dict, or None."""
    table = run.tables["ladder"]
    rows = table[
        (table["base_model"] == base_model)
        & (table["reranker"] == reranker)
        & table["against_rung"].isin(["permuted", "words_permuted"])
    ]
    return _one(rows, run, "ndcg", None)


def _one(rows, run, metric, n):
    rows = rows[
        (rows["split"] == "test")
        & (rows["metric"] == metric)
        & (rows["n"] == (n or run.n))
        & (rows["seed"] == run.pooled)
    ]
    return rows.iloc[0].to_dict() if len(rows) else None


def change(row, brackets=True):
    """Return the relative change with its interval; the absolute one if the other list has no hit."""
    if known(row["relative_percent"]):
        shown = percent(row["relative_percent"])
        span = interval(row["relative_low"], row["relative_high"], 1)
    else:
        shown = f"{signed(row['difference'])} (of nothing)"
        span = interval(row["difference_low"], row["difference_high"])
    return f"{shown} {span}".strip() if brackets else shown


def headline(run):
    """Return the parts of the headline.

    Returns
    -------
    dict
        ``verdict`` (win, same, open, loss, none), ``sentences``, ``sentence`` (all of them as one text), ``notes``
        (sentences beside it), ``choice`` (the best re-ranked list on valid, or None).
    """
    choice, primary = choose(run), compared(run, "primary")
    if primary is not None:
        verdict, sentences = _of_ladder(run, primary)
        notes = [_chosen_by(run), *_smallest(primary, "other list's")]
    elif choice is None:
        verdict, sentences, notes = "none", [*_without_models(run), _nothing_chosen(run)], []
    else:
        row = effect(run, choice.base_model, choice.reranker)
        if row is None or row["structural_zero"]:  # a re-ranker as deep as n cannot change the hits
            row = effect(run, choice.base_model, choice.reranker, metric="ndcg") or row
        verdict, sentence = _sentence(run, choice, row)
        sentences = [*_without_models(run), sentence]
        notes = [_chosen(run, choice), *_smallest(row, "base list's", " (before Holm's adjustment)")]
    return {
        "verdict": verdict,
        "sentences": sentences,
        "sentence": " ".join(sentences),
        "notes": [*notes, *caveats(run)],
        "choice": choice,
    }


def _of_ladder(run, primary):
    """Return the verdict and the sentences of a run with the primary comparison.

    The best list without text comes first, then what words add to it, then what encoders and language models add to
    the best list without them, and to the same list with permuted vectors.
    """
    told = _without_models(run) or [f"The best list without models is {_named(primary, 'against_')}."]
    verdict, ending = judged(primary)
    told.append(
        f"With an encoder or a language model it is {_place(primary)}: {change(primary)} against "
        f"{_place(primary, 'against_')}, {p_value(primary['p_value'])}: {ending}."
    )
    permuted = over_permuted(run, primary["base_model"], primary["reranker"])
    if permuted is not None:
        adjusted = p_value(permuted["p_adjusted"])
        told.append(f"Against the same fusion with permuted vectors: {change(permuted)}, {adjusted} (Holm).")
    return verdict, told


def _without_models(run):
    """Return sentences on the best list without text and on what words add to it; none without such a list."""
    row = compared(run, "words")
    if row is None:
        return []
    told = [f"The best list without text is {_named(row, 'against_')}."]
    if _names(row) != _names(row, "against_"):
        told.append(f"With words it is {_place(row)}: {change(row)} against that.")
    return told


def judged(row):
    """Return the verdict of the primary comparison and its words: win, loss, same or open."""
    low, high = row["relative_low"], row["relative_high"]
    if not (row["difference"] or row["gained"] or row["lost"]):
        return "open", "the same list, since the gates left the columns of models out or could not decide"
    if known(low) and known(high) and low >= -RELEVANT and high <= RELEVANT:
        return "same", f"no relevant difference, since the interval lies within {RELEVANT:g}% of 0"
    if known(row["p_value"]) and row["p_value"] < LEVEL:
        return ("win", "a gain") if row["difference"] > 0 else ("loss", "a loss")
    return "open", "these data cannot tell"


def _place(row, side=""):
    """Return the name of one side of a comparison."""
    base_model, reranker = _names(row, side)
    return base_model if reranker == "identity" else f"{reranker} over {base_model}"


def _names(row, side=""):
    return row[f"{side}base_model"], row["against"] if side else row["reranker"]


def _named(row, side):
    """Return the name of one side of a comparison with its value on test."""
    value = row["against_value" if side else "value"]
    return f"{_place(row, side)}: {METRICS['ndcg']}@{int(row['n'])} {number(value)} on test"


def _chosen_by(run):
    text = (
        f"Each list was chosen by NDCG@{run.n} on valid, among all lists that read no more than it says. Figures are "
        "of test, brackets are 95% intervals. The comparison with the best list without a model is the one test that "
        "was stated before; docs/statistics.md has the families of all other tests."
    )
    if run.pooled == "all":
        text += f" Training seeds {words(run.config['run']['seeds'])}, pooled: users and seeds both vary."
    else:
        text += (
            " There is one training seed. Two base models that are trained also differ by the luck of their seeds, "
            "which no interval here includes."
        )
    return text


def _nothing_chosen(run):
    """Return why no list could be chosen on valid."""
    judged = [(base, name) for base, name, _ in run.hits_on_test if run.kinds[name] not in ("base", "control")]
    if all(_fixed(run, *key) for key in judged):
        return "No re-ranker that could change a list was run: there are base lists and controls alone."
    if not any(name == "identity" for _, name in valid_ndcg(run)):
        return (
            "No re-ranker can be chosen: there are no valid lists to choose on. The tables show what each did on test."
        )
    return "No re-ranker can be chosen: none was asked of all users. The tables show what each did on test."


def _sentence(run, choice, row):
    place = f"{choice.reranker} over {choice.base_model}"
    if row is None:
        return "none", f"No re-ranker beats its base list: the effect of {place} on test is not available."
    metric = f"{METRICS[row['metric']]}@{int(row['n'])}"
    told = f"{_moved(row, metric)}, {p_value(row['p_adjusted'])} (Holm)"
    significant = known(row["p_adjusted"]) and row["p_adjusted"] < LEVEL
    extra = _alone(run, choice, row, metric)
    if not choice.beats_base_on_valid:
        return "none", (
            f"No re-ranker beats its base list on valid. The nearest, {place}, on test: {told}{_alone_end(extra)}"
        )
    if significant and row["difference"] > 0:
        return "win", f"{place}: {told}{extra}."
    if significant:
        return "loss", f"No re-ranker beats its base list. The best on valid, {place}, loses on test: {told}{extra}."
    return "open", f"{place}: {told}{extra}. After adjustment it is not significantly different from its base list."


def _alone_end(extra):
    return f"{extra}."


def _moved(row, metric):
    shown = change(row)
    first, _, rest = shown.partition(" ")
    return f"{first} {metric} {rest}".strip()


def _alone(run, choice, row, metric):
    """Return the effect of the best single re-ranker over the same base list."""
    if run.kinds[choice.reranker] != "fusion":
        return ""
    best = choose(run, choice.base_model, ("generative",)) or choose(run, choice.base_model, ("discriminative",))
    alone = best and effect(run, best.base_model, best.reranker, metric=row["metric"], n=row["n"])
    return f"; {best.reranker} alone: {change(alone, brackets=False)}" if alone else ""


def _chosen(run, choice):
    text = (
        f"Chosen among all lists by NDCG@{run.n} on valid ({number(choice.valid_ndcg)}; its base list "
        f"{number(choice.base_valid_ndcg)}); every figure here is of test, brackets are 95% intervals."
    )
    if run.pooled == "all":
        text += f" Training seeds {words(run.config['run']['seeds'])}, pooled: users and seeds both vary."
    return text


def _smallest(row, whose, before=""):
    """Return a note on the smallest effect that the users show, in percent of the other list's value."""
    if row is None or not known(row["smallest_effect"]):
        return []
    other = row["against_value"]
    share = f", {percent(100 * row['smallest_effect'] / other, sign=False)} of the {whose}" if other else ""
    metric = f"{'HR' if row['metric'] == 'hit_rate' else METRICS[row['metric']]}@{int(row['n'])}"
    return [
        f"With {count(row['users'])} users, the smallest true change of {metric} that this sample shows with 80% "
        f"power is {number(row['smallest_effect'])}{share}{before}; smaller ones are easily missed."
    ]


def caveats(run):
    """Return what limits every claim of a run on this dataset, as sentences."""
    notes = []
    if run.dataset["synthetic"]:
        notes.append("The data are synthetic: this shows that the workflow works, and nothing about people.")
    if run.dataset.get("seen_in_training"):
        notes.append(
            f"Pretrained language models may have read {run.dataset['title']} in their training: "
            "what they gain here may be memory, and need not be found on data that they have not seen."
        )
    if run.dataset.get("note"):
        notes.append(run.dataset["note"])
    options = run.config["protocols"][run.protocol]
    if options.get("drop_last"):
        aside = options["drop_last"]
        notes.append(
            "The last interaction of each user was set aside: the targets are those before it."
            if aside == 1
            else f"The last {aside} interactions of each user were set aside: the targets are those before them."
        )
    share = options.get("training_share", 1)
    if share < 1:
        notes.append(f"Only the interactions of {percent(100 * share, sign=False)} of the users are for training.")
    if run.statistics.get("has_timestamps") is False:
        notes.append("The interactions have no times: the protocol temporal and the age of items are off.")
    notes += [f"{sentence[0].upper()}{sentence[1:]}." for sentence in sparse_fields(run.statistics)]
    return notes
