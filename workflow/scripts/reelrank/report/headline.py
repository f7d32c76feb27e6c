"""The answer in a few sentences. Lists are chosen on valid; effects are measured on test."""

from dataclasses import dataclass

from reelrank.config.comparisons import CONTROL_RUNGS
from reelrank.config.fields import features_of
from reelrank.data.preparation import sparse_fields
from reelrank.metrics.statistics import ab_test_users, users_needed
from reelrank.report.values import count, interval, known, number, p_value, percent, signed, words

#: Significance level for p-values adjusted by Holm's method.
LEVEL = 0.05

#: A relative change whose interval lies within this many percent of 0 is no relevant difference.
RELEVANT = 1.0

#: With fewer test users, the headline warns.
FEW = 300

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

    A list that cannot differ from its base list, such as a sum without signals, is not chosen. Nor is a list over a
    base model that is a control.
    """
    values = valid_ndcg(run)
    able = {
        key: value
        for key, value in values.items()
        if run.kinds[key[1]] in kinds
        and base_model in (None, key[0])
        and run.config["models"][key[0]].get("rung") not in CONTROL_RUNGS
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
    told = [*_people(run, choice), *_without_models(run)]
    if choice is None and not told:
        verdict, told, notes = _without_choice(run)
    elif primary is not None:
        verdict, models = _of_models(run, primary)
        told += models
        notes = [_chosen_by(run), *_smallest(primary, "other list's"), *_ab_test(run, choice)]
    elif choice is None:
        verdict, notes = "none", []
        told.append(_nothing_chosen(run))
    else:
        row = effect(run, choice.base_model, choice.reranker)
        if row is None or row["structural_zero"]:  # a re-ranker as deep as n cannot change the hits
            row = effect(run, choice.base_model, choice.reranker, metric="ndcg") or row
        verdict, ending = _of_choice(choice, row)
        told.append(ending)
        notes = [_chosen(run, choice), *_smallest(row, "base list's", " (before Holm's adjustment)")]
        notes += _ab_test(run, choice)
    told = [*_changed_plan(run), *told, *_prices(run)]
    return {
        "verdict": verdict,
        "sentences": told,
        "sentence": " ".join(told),
        "notes": [*notes, *caveats(run)],
        "choice": choice,
    }


def _prices(run):
    """Return a sentence on the price and the time of each re-ranker that asks a chat model, over all base models."""
    if "cost" not in run.tables:
        return []
    rows, told = run.tables["cost"], []
    for name in run.rerankers:
        own = rows[(rows["reranker"] == name) & (rows["requests"] > 0)]
        if own.empty:
            continue
        dollars = float(own["usd_per_1000_users"].mean(skipna=False))
        price = f"${dollars:,.2f} per 1,000 lists" if known(dollars) else "no price in config/prices.yaml"
        median, late = count(own["ms_p50"].median()), count(own["ms_p95"].max())
        waits = f"a list took {median} ms (median) or {late} ms (95th percentile)"
        block = run.config.get("chat_models", {}).get(run.config["rerankers"][name].get("chat_model"), {})
        at = f" with up to {block['concurrency']} requests at a time" if "concurrency" in block else ""
        told.append(f"{name}: {price}; {waits}{at}.")
    return told


def _changed_plan(run):
    """Return a sentence if test lists were scored under another plan than the one that is there now."""
    known = [about for (split, *_), (_, about) in run.ranks.items() if split == "test"]
    others = [about for about in known if run.plan and about.get("test_plan") != run.plan["digest"]]
    if not others:
        return []
    return [
        f"The plan of the primary test was changed after {len(others)} of {len(known)} test lists were scored: its "
        "result confirms nothing. Fresh targets (protocols.leave_one_out.drop_last) can confirm it."
    ]


def _people(run, choice):
    """Return how many users found their item before and after; first of all, a simpler list that does as well."""
    row = choice and effect(run, choice.base_model, choice.reranker)
    if row is None:
        return []
    place = f"{choice.reranker} over {choice.base_model}"
    simpler = [_simpler(run, place, kind) for kind in ("chosen_base_model", "chosen_no_text")]
    told = [sentence for sentence in simpler if sentence][-1:]
    share = _unless_fixed(row, f": {change(row)}, {p_value(row['p_adjusted'])} (Holm)")
    told.append(
        f"Of {count(row['users'])} users, {_users(row, 'against_value')} found their item among the first {run.n} of "
        f"the list of {choice.base_model}, and {_users(row)} after {choice.reranker} re-ranked it{share}."
    )
    return told


def _unless_fixed(row, text):
    return "" if row["structural_zero"] else text


def _users(row, key="value"):
    """Return a hit rate as a number of users."""
    return count(round(row[key] * row["users"]))


def _simpler(run, place, kind):
    """Return a sentence if a simpler list is better than the chosen one or not significantly worse."""
    row = compared(run, kind, "hit_rate")
    if row is None or (row["difference"] > 0 and known(row["p_value"]) and row["p_value"] < LEVEL):
        return None
    what = "a base model alone" if kind == "chosen_base_model" else "without text"
    relation = "is better than" if row["difference"] < 0 else "is not significantly worse than"
    return (
        f"A simpler list, {_place(row, 'against_')} ({what}), {relation} {place}, which was chosen on valid: "
        f"{_users(row, 'against_value')} users against {_users(row)} ({p_value(row['p_value'])})."
    )


def _of_models(run, primary):
    """Return the verdict and the sentences on what encoders and language models add to the best list without them.

    Then what they add to the same list with permuted vectors.
    """
    verdict, ending = judged(primary)
    named = models_read(run, primary["base_model"], primary["reranker"])
    read = f" (it may read {'; '.join(named)})" if named else ""
    told = [
        f"With an encoder or a language model the best list is {_place(primary)}{read}: {change(primary)} NDCG@{run.n} "
        f"against {_place(primary, 'against_')}, {p_value(primary['p_value'])}. {ending}"
    ]
    permuted = over_permuted(run, primary["base_model"], primary["reranker"])
    if permuted is not None:
        adjusted = p_value(permuted["p_adjusted"])
        told.append(f"Against the same fusion with permuted vectors: {change(permuted)}, {adjusted} (Holm).")
    return verdict, told


def models_read(run, base_model, reranker):
    """Return the encoders and language models that a list may read, each with its size if the run has measured it."""
    sizes = {}
    if "features" in run.tables:
        rows = run.tables["features"].dropna(subset=["parameters"])
        sizes = dict(zip(rows["encoder"], rows["parameters"], strict=True))
    found = {}

    def visit(section, name):
        """Note what a base model or a re-ranker reads, and go on to its parts."""
        block = run.config[section].get(name, {})
        for encoder, _ in features_of(run.config, name, section) if block else ():
            if encoder in sizes:
                found[f"{encoder}, an encoder of {sizes[encoder] / 1e6:.1f}M parameters"] = None
        for key, what in (("language_model", "a language model"), ("chat_model", "a chat model")):
            if block.get(key):
                found[f"{block[key]}, {what}"] = None
        for part in block.get("of", ()) if block.get("type") == "union" else ():
            visit("models", part)
        if "base_model" in block:
            visit("models", block["base_model"])
        for signal in block.get("signals") or ():
            visit("rerankers", signal)

    visit("models", base_model)
    visit("rerankers", reranker)
    return list(found)


def _without_models(run):
    """Return sentences on the best list without text and on what words add to it; none without such a list."""
    row = compared(run, "words")
    if row is None:
        return []
    told = [f"The best list without text is {_named(row, 'against_')}."]
    if _names(row) != _names(row, "against_"):
        found = f"{change(row)}, {p_value(row['p_value'])}"
        told.append(f"With words of the texts it is {_place(row)}: {found}.")
    return told


def judged(row):
    """Return the verdict of the primary comparison and its sentence: win, loss, same or open."""
    low, high = row["relative_low"], row["relative_high"]
    if not (row["difference"] or row["gained"] or row["lost"]):
        return "open", (
            "Both are the same list, because on valid the columns of models did not clearly help: "
            "these data cannot tell whether a model helps."
        )
    if known(low) and known(high) and low >= -RELEVANT and high <= RELEVANT:
        return "same", f"The model does not matter: the interval lies within {RELEVANT:g}% of 0."
    if known(row["p_value"]) and row["p_value"] < LEVEL:
        return ("win", "The model helps.") if row["difference"] > 0 else ("loss", "The model makes the list worse.")
    users = users_needed(row["users"], row["difference"], row["smallest_effect"])
    more = f" A difference of this size would need about {count(users)} users." if (users or 0) > row["users"] else ""
    return "open", f"These data cannot tell whether the model helps.{more}"


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


#: Lists that are told one by one where none can be chosen on valid.
TOLD = 3


def _without_choice(run):
    """Return the verdict, sentences and notes of a run in which no list can be chosen on valid.

    Each list stands beside its base list on the same users.
    """
    told, rows = [], []
    for base, name, _ in run.hits_on_test:
        row = effect(run, base, name)
        if run.kinds[name] not in ("base", "control") and row is not None:
            if row["structural_zero"]:
                row = effect(run, base, name, metric="ndcg") or row
            rows.append(row)
    for row in rows[:TOLD]:
        told.append(_beside_base(run, row))
    if len(rows) > TOLD:
        told.append(f"The tables have {len(rows) - TOLD} more lists.")
    told.append(_nothing_chosen(run))
    helps = [row for row in rows if _significant(row)]
    verdict = "none"
    if len(rows) == 1 and rows[0]["users"]:
        verdict = "open" if not helps else "win" if rows[0]["difference"] > 0 else "loss"
    return verdict, told, []


def _significant(row):
    return known(row["p_adjusted"]) and row["p_adjusted"] < LEVEL


def _beside_base(run, row):
    """Return a sentence on a list and its base list on the same users, with what these users can show."""
    place, n = f"{row['reranker']} over {row['base_model']}", int(row["n"])
    if row["metric"] == "hit_rate":
        told = (
            f"On {count(row['users'])} users, {place} has the right item among the first {n} for {_users(row)} "
            f"instead of {_users(row, 'against_value')}: {change(row)}, {p_value(row['p_adjusted'])} (Holm)."
        )
    else:
        told = (
            f"On {count(row['users'])} users, {place}: NDCG@{n} {number(row['value'])} instead of "
            f"{number(row['against_value'])}: {change(row)}, {p_value(row['p_adjusted'])} (Holm)."
        )
    if row["structural_zero"] or _significant(row):
        return told
    other = row["against_value"]
    seen = ""
    if other and known(row["smallest_effect"]):
        smallest = percent(100 * row["smallest_effect"] / other, 0, sign=False)
        seen = f"; with this many users the smallest change that would be seen is {smallest}"
    return f"{told} That cannot be told from no change{seen}."


def _ab_test(run, choice):
    """Return a note on the users that an A/B test would need to see the offline effect of the chosen list."""
    row = choice and effect(run, choice.base_model, choice.reranker)
    if row is None or not row["difference"] or not _significant(row):
        return []
    users = ab_test_users(row["against_value"], row["value"])
    return [
        f"An A/B test would need about {count(users)} users in each arm to see the change of HR@{run.n} of "
        f"{choice.reranker} over {choice.base_model} with 80% power. This assumes that each user sees one list and "
        "finds the item in it as often as here, which offline figures cannot show."
    ]


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
        return "There are no valid lists, so none is chosen as the best: a choice by test figures would flatter it."
    return "No re-ranker was asked of all users on valid, so none is chosen as the best."


def _of_choice(choice, row):
    """Return the verdict and the sentence of a run that reads no model: the chosen list against its base list."""
    place = f"{choice.reranker} over {choice.base_model}"
    if row is None:
        return "none", f"The effect of {place} on test is not available."
    if not choice.beats_base_on_valid:
        return "none", f"No re-ranker beats its base list on valid; {place} is the nearest."
    if _significant(row) and row["difference"] > 0:
        return "win", f"{place} helps."
    if _significant(row):
        return "loss", f"{place} was the best on valid, and makes the list worse on test."
    return "open", f"These data cannot tell whether {place} helps."


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
    test_users = run.counts.get("test_users")
    if test_users is not None and test_users < FEW:
        notes.append(f"Only {count(test_users)} users have a test target: a true change of a tenth is easily missed.")
    share = options.get("training_share", 1)
    if share < 1:
        notes.append(f"Only the interactions of {percent(100 * share, sign=False)} of the users are for training.")
    if run.statistics.get("has_timestamps") is False:
        notes.append("The interactions have no times: the protocol temporal and the age of items are off.")
    notes += [f"{sentence[0].upper()}{sentence[1:]}." for sentence in sparse_fields(run.statistics)]
    return notes
