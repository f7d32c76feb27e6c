"""Checks of all lists of a run."""

import numpy as np

from reelrank.audit.chance import LEVEL, chance_check, outcomes
from reelrank.audit.checks import Check, row_keys, row_name
from reelrank.audit.list_rules import hits_at_depth, permutation_faults, rank_faults, strangers
from reelrank.data.lists import read_lists
from reelrank.data.tables import read_table
from reelrank.errors import InputError
from reelrank.plan.paths import place_of

#: Descriptions of the checks of lists that are scored again.
WHAT_IS_EXCHANGED = (
    "The run's own models and fitted fusions score the lists of some users again, after the held-out items were "
    "exchanged for others. No score, and no column that a fusion reads, may change by a byte. On test, the users' own "
    "valid items stay, since they are history; those of all other users are exchanged. "
)
WHAT_IS_RESCORED = (
    "The lists that were scored again with other held-out items may not have more or fewer hits of these items than "
    "chance allows (two-sided test, level {level:g} over all rows together)."
)
WHAT_IS_REPRODUCED = "The run's own models and fitted fusions give the published lists again. "

#: Description of the check with redrawn targets.
WHAT_IS_REDRAWN = (
    "Each held-out item is replaced by one drawn uniformly from the items that the user did not have before it, and "
    "the lists are made again. No row may have more or fewer hits than chance allows (two-sided test, level {level:g} "
    "over all rows together). Fusions are fitted again on the redrawn valid targets. {fitted}{trained} {left_out}"
)


def _read(path, check):
    """Return lists and their metadata; None, with a failure added, if the file is bad or holds another list."""
    place = place_of(path)
    try:
        lists, about = read_lists(path)
    except InputError as error:
        check.fail(row_name(place), [str(error)])
        return None
    if (found := row_keys(about)) != place:
        check.fail(row_name(place), [f"the metadata of its file name another list, {row_name(found)}"])
        return None
    return lists, about


def read_base(paths, check):
    """Return the base lists among `paths` by ``(base_model, seed, split)``."""
    base = {}
    for path in paths:
        place = place_of(path)
        if place["reranker"] == "identity" and (read := _read(path, check)):
            base[place["base_model"], place["seed"], place["split"]] = read[0]
    return base


def check_lists(list_paths, rank_paths, targets):
    """Return the checks of permutations, ranks, and hits at each list's depth.

    Parameters
    ----------
    list_paths, rank_paths : sequence of path
        In the same order.
    targets : dict of str to reelrank.audit.targets.Targets
        By split.
    """
    permuted = Check(
        "permutations",
        "Every re-ranked list is a permutation of the first entries of its base list, down to its depth. It holds "
        "users of the base list only, and all of them unless the re-ranker was asked about some users only.",
    )
    ranked = Check(
        "ranks", "Every rank is the position of the held-out item in its list, computed again for all users."
    )
    deep = Check(
        "hits at depth",
        "A re-ranker permutes its first entries and adds none, so its hits at its depth equal the base list's.",
    )
    base = read_base(list_paths, permuted)
    for list_path, rank_path in zip(list_paths, rank_paths, strict=True):
        place = place_of(list_path)
        under = base.get((place["base_model"], place["seed"], place["split"]))
        if under is None or (read := _read(list_path, permuted)) is None:
            continue
        lists, about = read
        own, name = targets[about["split"]], row_name(about)
        faults = strangers(lists, own)
        if place["reranker"] != "identity":
            faults += permutation_faults(lists, about, under)
        permuted.rows.append({**row_keys(about), "depth": int(about["depth"]), "users": len(lists.users)})
        permuted.fail(name, faults)
        ranks = read_table(rank_path, "ranks")
        ranked.rows.append({**row_keys(about), "users": len(ranks)})
        ranked.fail(name, rank_faults(lists, about, under, own, ranks))
        hits, expected = hits_at_depth(lists, about, under, own)
        deep.rows.append({**row_keys(about), "n": int(about["depth"]), "hits": hits, "base_hits": expected})
        if hits != expected:
            deep.fail(name, [f"{hits} hits at depth {about['depth']}; the base list has {expected}"])
    return [permuted, ranked, deep]


def check_rescored(rows, cutoffs, left_out):
    """Return the checks of lists that were scored again with other held-out items.

    Parameters
    ----------
    rows : sequence of dict
        Results of `reelrank.audit.rescoring.result`.
    cutoffs : sequence of int
    left_out : dict of str to list of str
        Base models and re-rankers whose lists were not scored again.
    """
    missing = "; ".join(f"{key.replace('_', ' ')}: {', '.join(names)}" for key, names in left_out.items() if names)
    missing = f"Not scored again: {missing}." if missing else "Nothing was left out."
    unchanged = Check("other held-out items", WHAT_IS_EXCHANGED + missing)
    reproduced = Check("reproduced", WHAT_IS_REPRODUCED + missing)
    found = []
    for row in rows:
        keys = {key: row[key] for key in ("base_model", "seed", "reranker", "split", "users")}
        for check, faults in ((unchanged, row["changed"]), (reproduced, row["not_reproduced"])):
            check.rows.append({**keys, "faults": len(faults)})
            check.fail(row["name"], faults)
        about = {**row, "users": "all"}
        found.append((about, tuple(np.array(row[key]) for key in ("place", "lengths", "pools"))))
    return [unchanged, chance_check(found, cutoffs, WHAT_IS_RESCORED.format(level=LEVEL)), reproduced]


def check_redrawn(list_paths, targets, cutoffs, trained_again, left_out, fitted):
    """Return the check that lists made with redrawn targets hit at the rate of chance.

    Parameters
    ----------
    list_paths : sequence of path
    targets : dict of str to reelrank.audit.targets.Targets
        The redrawn targets, by split.
    cutoffs : sequence of int
    trained_again : bool
        Whether models, encoders and language models were trained again.
    left_out : dict of str to list of str
        Base models and re-rankers of the run that were not checked.
    fitted : list of str
        Re-rankers whose valid lists are scored by weights fitted on the same lists; these lists are skipped.
    """
    trained = (
        "Models were trained again with the redrawn targets."
        if trained_again
        else "Models, encoders and language models come from the real run: they learn from training interactions only "
        "(early stopping used the real valid targets)."
    )
    missing = "; ".join(f"{key.replace('_', ' ')}: {', '.join(names)}" for key, names in left_out.items() if names)
    what = WHAT_IS_REDRAWN.format(
        level=LEVEL,
        fitted=f"The valid lists of {', '.join(fitted)} are not checked, because these are fitted on them. "
        if fitted
        else "",
        trained=trained,
        left_out=f"Not checked: {missing}." if missing else "Nothing was left out.",
    )
    check = Check("redrawn targets", what)
    base = read_base(list_paths, check)
    found = []
    for path in list_paths:
        if (read := _read(path, check)) is None:
            continue
        lists, about = read
        under = base[about["base_model"], int(about["seed"]), about["split"]]
        found.append((about, outcomes(lists, about, under, targets[about["split"]])))
    tested = chance_check(found, cutoffs, what, fitted)
    return Check(check.name, what, tested.rows, [*check.failures, *tested.failures])
