"""LambdaMART (Burges 2010, by LightGBM) over signals, the history and training interactions, cross-fitted on valid."""

import hashlib
import logging
from dataclasses import replace

import lightgbm
import numpy as np

from reelrank.data.lists import BASE
from reelrank.metrics.ranking import ndcg
from reelrank.metrics.standardising import standardised
from reelrank.rerank.signals.aligned import FITTED_AT, gain_z, single_scores, truth_ranks, usable
from reelrank.rerank.signals.context import Context, context_names, load_sources

#: The arguments of `load_sources` among the material of all fusions.
SOURCES = ("inputs", "data", "matrices", "history", "threads")

#: Users whose candidates are scored at a time; limits memory to about 100 MB.
USERS_PER_CHUNK = 512


def fuse(by_split, truth, options, material):
    """Load the feature sources, fit on valid and score both splits; see `reelrank.rerank.fusion.fuse`."""
    similarities = [(feature["encoder"], feature["field"]) for feature in options["similarities"]]
    sources = load_sources(similarities=similarities, **{key: material[key] for key in SOURCES})
    return fit(by_split, truth, options, sources, material["fitted"])


def fit(by_split, truth, options, sources, fitted=None):
    """Return scores and a description of the best of: trees over all features, trees without signals, the base list.

    Useless features make trees slightly worse, above all with few users. So all three are
    compared by NDCG@10 on valid, with out-of-fold scores for the trees. Signals and
    similarities are used only if they win by `threshold` standard errors, paired by user.
    Trees are used only if their NDCG is higher than that of the base list.

    Parameters
    ----------
    fitted : dict, optional
        Earlier results over the same base list; new results are added. A fusion and its twin share the trees
        without signals.
    """
    fitted = {} if fitted is None else fitted
    best = cross_fitted(by_split, truth, options, sources, fitted)
    if not best[1]["users_fitted"]:
        return best
    valid, rows = by_split["valid"], np.flatnonzero(truth >= 0)
    users = valid.all_users if valid.asked == "hits" else len(truth)

    def values(scores):
        """Return the NDCG of each valid user whose held-out item is a candidate."""
        return ndcg(truth_ranks(usable(valid, scores["valid"])[rows], truth[rows]), FITTED_AT)

    if sources.vectors or list(valid.scores) != [BASE]:
        plain = {split: aligned.only(BASE) for split, aligned in by_split.items()}
        without = cross_fitted(plain, truth, options, replace(sources, vectors={}), fitted)
        won = round(float(gain_z(values(best[0]) - values(without[0]), users)), 4)
        note = f"signals and similarities win {won:.2f} standard errors on valid: not used, since not above "
        used = won > options["threshold"]
        best = best if used else (without[0], {**without[1], "note": f"{note}{options['threshold']}"})
        best[1]["standard_errors_won"] = won
    kept = {split: single_scores(aligned, BASE) for split, aligned in by_split.items()}
    if values(best[0]).sum() <= values(kept).sum():
        best = (
            kept,
            {**best[1], "importances": {}, "note": "the trees do not beat the base list on valid: its order is kept"},
        )
    logging.info(best[1].get("note", "trees over all features"))
    return best


def cross_fitted(by_split, truth, options, sources, fitted):
    """Return the result of `fit_and_score`, taken from `fitted` if present."""
    learned = {name: value for name, value in options.items() if name not in ("similarities", "threshold")}
    users = hashlib.sha256(b"".join(aligned.lists.users.tobytes() for aligned in by_split.values())).hexdigest()
    shapes = [aligned.lists.items.shape for aligned in by_split.values()]
    key = (*signal_names(by_split["valid"]), *sources.vectors, *shapes, users, repr(learned))
    if key not in fitted:
        fitted[key] = fit_and_score(by_split, truth, options, sources)
    scores, about = fitted[key]
    return scores, dict(about)


def fit_and_score(by_split, truth, options, sources):
    """Fit on valid and score both splits.

    The valid users are divided into folds. The model of a fold trains on the other folds,
    stops early by the NDCG@10 of the next fold, and scores its own fold. So no model scores
    a valid list that it was fitted on, and a winner can be chosen on valid. The score on test
    is the mean of all models' scores, each standardised within the list. Training uses
    only users whose held-out item is a candidate, and at most `training_users` of them.
    """
    names = [*signal_names(by_split["valid"]), *context_names(sources.vectors)]
    makers = {split: Features(split, aligned, sources) for split, aligned in by_split.items()}
    rng = np.random.default_rng([options["seed"], len(truth)])
    folds = rng.permutation(len(truth)) % options["folds"]
    rows = np.flatnonzero(truth >= 0)
    if len(rows) > options["training_users"]:
        rows = np.sort(rng.choice(rows, options["training_users"], replace=False))
    counts = np.bincount(folds[rows], minlength=options["folds"])
    if len(rows) < 2 * options["folds"] or not counts.all():
        note = f"only {len(rows)} users of valid have their held-out item among the candidates: the base order is kept"
        logging.warning(note)
        scores = {split: single_scores(aligned, BASE) for split, aligned in by_split.items()}
        return scores, {"users_fitted": 0, "importances": {}, "note": note}
    models = fit_folds(makers["valid"], rows, truth[rows], folds[rows], options, sources.threads)
    scores = {"valid": np.zeros(by_split["valid"].lists.items.shape, np.float32)}
    for number, model in enumerate(models):
        own = np.flatnonzero(folds == number)
        scores["valid"][own] = predicted([model], makers["valid"], own)
    scores["test"] = predicted(models, makers["test"], np.arange(len(by_split["test"].lists.users)))
    gains = sum(model.feature_importance("gain") for model in models)
    shares = {name: round(float(gain / (gains.sum() or 1)), 6) for name, gain in zip(names, gains, strict=True)}
    trees = [model.best_iteration for model in models]
    return scores, {"users_fitted": len(rows), "importances": shares, "trees": trees}


def signal_names(aligned):
    """Return the names of the features computed from lists, in order."""
    return [f"{name}:{what}" for name in aligned.scores for what in ("score", "rank")]


class Features:
    """All features of the candidates of one split, computed for some users at a time."""

    def __init__(self, split, aligned, sources):
        self.aligned = aligned
        self.context = Context(sources, split, aligned.lists)

    def of(self, rows):
        """Return ``(k, depth, n_features)`` float32; NaN if unknown, or if a candidate is beyond a signal's depth."""
        columns = []
        for name, scores in self.aligned.scores.items():
            ranks = self.aligned.ranks[name][rows].astype(np.float32)
            columns += [np.where(ranks > 0, scores[rows], np.nan), np.where(ranks > 0, ranks, np.nan)]
        return np.concatenate([np.stack(columns, axis=-1), self.context.features(rows)], axis=-1, dtype=np.float32)

    def table(self, rows, truth):
        """Return features, labels and start scores of the candidates (without padding), and candidates per user."""
        there = self.aligned.lists.present[rows]
        labels = np.arange(there.shape[1]) == truth[:, None]
        chunks = [
            self.of(rows[start : start + USERS_PER_CHUNK])[there[start : start + USERS_PER_CHUNK]]
            for start in range(0, len(rows), USERS_PER_CHUNK)
        ]
        return np.concatenate(chunks), labels[there].astype(np.int8), start_scores(there)[there], there.sum(1)


def start_scores(there):
    """Return the initial scores of the trees, ``(k, depth)`` float64: minus the logarithm of the base rank.

    So the trees learn corrections of the base order, and keep it if they learn nothing.
    """
    return np.broadcast_to(-np.log(np.arange(1, there.shape[1] + 1)), there.shape)


def fit_folds(features, rows, truth, folds, options, threads):
    """Fit one model per fold.

    Parameters
    ----------
    features : Features
    rows, truth, folds : numpy.ndarray
        ``(k,)`` rows of the training lists, the columns of their held-out items, and their folds.
    options : dict
    threads : int

    Returns
    -------
    list of lightgbm.Booster
    """
    values, labels, start, counts = features.table(rows, truth)
    row_folds = np.repeat(folds, counts)
    whole = {"params": {"verbose": -1, "num_threads": threads, "feature_pre_filter": False}}
    settings = {
        "objective": "lambdarank",
        "metric": "ndcg",
        "eval_at": [FITTED_AT],
        "num_leaves": options["num_leaves"],
        "learning_rate": options["learning_rate"],
        "min_data_in_leaf": options["min_data_in_leaf"],
        "lambda_l2": 1.0,
        "feature_fraction": 0.8,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "bagging_by_query": True,
        "seed": options["seed"],
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": threads,
        "feature_pre_filter": False,
        "verbose": -1,
    }
    models = []
    for number in range(options["folds"]):
        stop = (number + 1) % options["folds"]
        learn = (row_folds != number) & (row_folds != stop)
        kept = (folds != number) & (folds != stop)
        train = lightgbm.Dataset(values[learn], labels[learn], group=counts[kept], init_score=start[learn], **whole)
        checked, groups = row_folds == stop, counts[folds == stop]
        check = train.create_valid(values[checked], labels[checked], group=groups, init_score=start[checked])
        stopping = lightgbm.early_stopping(options["patience"], verbose=False)
        model = lightgbm.train(settings, train, options["rounds"], valid_sets=[check], callbacks=[stopping])
        reached = model.best_score["valid_0"][f"ndcg@{FITTED_AT}"]
        logging.info("fold %d: %d trees, NDCG@10 %.4f on fold %d", number, model.best_iteration, reached, stop)
        models.append(model)
    return models


def predicted(models, features, rows):
    """Return the mean of the models' scores, each standardised within the list, ``(len(rows), depth)`` float32."""
    there = features.aligned.lists.present[rows]
    total = np.zeros(there.shape, np.float64)
    for start in range(0, len(rows), USERS_PER_CHUNK):
        chunk = slice(start, start + USERS_PER_CHUNK)
        values = features.of(rows[chunk])
        for model in models:
            flat = model.predict(
                values.reshape(-1, values.shape[-1]),
                num_iteration=model.best_iteration,
                num_threads=features.context.sources.threads,
            )
            total[chunk] += standardised(flat.reshape(values.shape[:2]) + start_scores(there[chunk]), there[chunk])
    return (total / len(models)).astype(np.float32)
