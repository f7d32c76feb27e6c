"""The checks of a run's lists, one base list and its re-rankings at a time."""

from reelrank.audit.chance import LEVEL, chance_check, outcomes
from reelrank.audit.checks import Check, row_keys, row_name
from reelrank.audit.list_rules import hits_at_depth, permutation_faults, rank_faults, strangers
from reelrank.data.lists import read_lists
from reelrank.data.tables import read_table
from reelrank.errors import InputError
from reelrank.plan.paths import place_of

#: What the redrawn targets can tell; `{}` says what was left out.
WHAT_IS_REDRAWN = (
    "Each held-out item is drawn again, uniformly among the items that the user did not have before it, and lists are "
    "made again: no row may have more or fewer hits than chance explains (two-sided, {level:g} over all rows "
    "together). Fusions are fitted again on redrawn valid targets. {fitted}{trained} {left_out}"
)


def _read(path, check):
    """Return lists and their metadata, or None after a failure; a path that tells another list is one."""
    place = place_of(path)
    try:
        lists, about = read_lists(path)
    except InputError as error:
        check.fail(row_name(place), [str(error)])
        return None
    if (told := row_keys(about)) != place:
        check.fail(row_name(place), [f"its metadata say that it is {row_name(told)}"])
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
    """Return the checks of permutations, of ranks, and of the hits at each list's depth.

    Parameters
    ----------
    list_paths, rank_paths : sequence of path
        In the same order.
    targets : dict of str to reelrank.audit.targets.Targets
        By split.
    """
    permuted = Check(
        "permutations",
        "Every re-ranked list is a permutation of the first entries of its base list, down to its depth; it holds "
        "users of the base list only, and all of them unless it says whom it was asked about.",
    )
    ranked = Check(
        "ranks", "Every table of ranks says where the held-out item stands in each list, told again for all users."
    )
    deep = Check(
        "hits at depth",
        "A re-ranker permutes its first entries and adds none: at its depth it has exactly the base list's hits.",
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
            deep.fail(name, [f"{hits} hits at its depth, {about['depth']}; the base list has {expected}"])
    return [permuted, ranked, deep]


def check_redrawn(list_paths, targets, cutoffs, trained_again, left_out, fitted):
    """Return the check that lists made under redrawn targets are at chance.

    Parameters
    ----------
    list_paths : sequence of path
    targets : dict of str to reelrank.audit.targets.Targets
        The redrawn ones, by split.
    cutoffs : sequence of int
    trained_again : bool
        Whether models, encoders and language models were trained again.
    left_out : dict of str to list of str
        Base models and re-rankers of the run that were not looked at.
    fitted : list of str
        Re-rankers whose valid lists are scored by what was fitted on them: they are not looked at.
    """
    trained = (
        "Models were trained again under the redrawn targets."
        if trained_again
        else "Models, encoders and language models are those of the real run, which learn from training interactions "
        "(early stopping saw the real valid targets)."
    )
    missing = "; ".join(f"{key.replace('_', ' ')}: {', '.join(names)}" for key, names in left_out.items() if names)
    what = WHAT_IS_REDRAWN.format(
        level=LEVEL,
        fitted=f"The valid lists of {', '.join(fitted)} are what these were fitted on, and are not looked at. "
        if fitted
        else "",
        trained=trained,
        left_out=f"Not looked at: {missing}." if missing else "Nothing was left out.",
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
