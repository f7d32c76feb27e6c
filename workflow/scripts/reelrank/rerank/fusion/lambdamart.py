"""LambdaMART (Burges 2010, by LightGBM) over signals, the history and training interactions, cross-fitted on valid."""

import hashlib
import logging
import math
from dataclasses import dataclass

import lightgbm
import numpy as np

from reelrank.data.lists import BASE
from reelrank.metrics.ranking import ndcg
from reelrank.metrics.standardising import standardised
from reelrank.rerank.signals.aligned import FITTED_AT, single_scores, truth_ranks, usable
from reelrank.rerank.signals.gates import USED, gate

#: What is fitted if no trees are used.
BASE_ORDER = {"stage": None}

#: Users whose candidates are scored at a time; limits memory to about 100 MB.
USERS_PER_CHUNK = 512


def fit(valid, truth, options, stages, material):
    """Fit on valid; see `reelrank.rerank.fusion.fit`.

    Each stage adds columns. Trees with them replace what the stages before gave, first of all the base list, only
    if they win on valid by a gate over several fold seeds (`reelrank.rerank.signals.gates.gate`), by cross-fitted
    lists.
    """
    rows = np.flatnonzero(truth >= 0)
    if len(rows) < 2 * options["folds"]:
        note = f"only {len(rows)} users of valid have their held-out item among the candidates: the base order is kept"
        logging.warning(note)
        return BASE_ORDER, {"users_fitted": 0, "importances": {}, "note": note, "gates": []}
    trees = Trees(valid, truth, options, material)
    users = valid.all_users if valid.asked == "hits" else len(truth)
    stand_for = round(users * len(trees.judged) / len(rows))
    kept, values, gates = None, trees.base_values(), []
    for number, stage in enumerate(stages):
        found = trees.values(stage)
        judged = gate(found, values, stand_for, options["threshold"])
        if judged["decision"] == USED and number and stages[number - 1] != kept:
            # The stage before was left out. What it would have given is not credited to this one.
            judged = gate(found, trees.values(stages[number - 1]), stand_for, options["threshold"])
        gates.append(judged)
        if judged["decision"] == USED:
            kept, values = stage, found
    leaves = leaves_for(len(trees.fitted), options["num_leaves"])
    about = {"users_fitted": len(trees.fitted), "leaves": leaves, "gates": gates}
    if kept is None:
        note = "no trees clearly beat the base list on valid: its order is kept"
        return BASE_ORDER, {**about, "importances": {}, "note": note}
    fitted, fit_about = trees.final(kept)
    if kept != stages[-1]:
        fit_about = {
            **fit_about,
            "note": f"the columns of the last stage are {gates[-1]['decision']}: the stage before is kept",
        }
    return fitted, {**about, **fit_about}


def score(fitted, split, aligned, material):
    """Return the mean of the trees' scores, each standardised within the list; see `reelrank.rerank.fusion.score`.

    A valid list is scored by the models of the folds that its user is not in, a test list by the models that were
    fitted on all users.
    """
    stage = fitted["stage"]
    if stage is None:
        return single_scores(aligned, BASE)
    shared = material["fitted"]
    key = "scores", id(fitted), split, hashlib.sha256(aligned.lists.users.tobytes()).hexdigest()
    if key in shared:  # of another rung that keeps the same stage
        return shared[key][1]
    predict = Predictor(material["columns"], material["threads"], split, aligned, stage, fitted["start_weight"])
    if split == "valid":
        total = np.zeros(aligned.lists.items.shape, np.float64)
        for own in fitted["valid"]:
            folds = fold_of(material["columns"].sources.data.n_users, own["seed"], len(own["models"]))
            for number, text in enumerate(own["models"]):
                rows = np.flatnonzero(folds[aligned.lists.users] == number)
                total[rows] += predict.scores([lightgbm.Booster(model_str=text)], rows)
        scores = (total / len(fitted["valid"])).astype(np.float32)
    else:
        models = [lightgbm.Booster(model_str=text) for text in fitted["test"]]
        scores = predict.scores(models, np.arange(len(aligned.lists.users)))
    shared[key] = fitted, scores  # with `fitted`, so that its id stays its own
    return scores


def fold_of(n_users, seed, folds):
    """Return the fold of each user under a fold seed, ``(n_users,)``.

    A user is in the same fold whichever users the signals cover, so rungs with the same columns are equal.
    """
    return np.random.default_rng([seed, n_users]).permutation(n_users) % folds


def leaves_for(users, given=None):
    """Return the leaves of a tree: `given`, or by the number of users that it is fitted on.

    The rule: the square root of a fortieth of the users, from 4 to 31. It gives 4 for the 600 fitted users of
    MovieLens 100K and 16 for the 10,000 of MicroLens-50k.
    """
    return given or min(max(round(math.sqrt(users / 40)), 4), 31)


@dataclass(frozen=True)
class Fold:
    """The model of one fold, and the users that it scores."""

    model: lightgbm.Booster
    scored: np.ndarray


class Trees:
    """Trees over the columns of a stage, cross-fitted on the users of valid under several fold seeds.

    Under a seed, the users of valid are divided into folds. The model of a fold trains on the other folds, stops
    early by the NDCG@10 of the next fold, and scores its own fold. So no model scores a valid list that it was
    fitted on, and a winner can be chosen on valid.

    If all users fit into ``gate_users``, the lists are the mean over all fold seeds. Otherwise a sample of the
    users is judged under all seeds, and the lists come from one seed, ``seed``, fitted on all users up to
    ``training_users``. The model that scores test is fitted on all these users, with the mean number of trees of
    the folds.

    Parameters
    ----------
    valid, truth, options, material
        See `reelrank.rerank.fusion.fit`.

    Attributes
    ----------
    fitted : numpy.ndarray
        ``(k,)`` rows of the valid users whose held-out item is a candidate, at most ``training_users`` of them.
    judged : numpy.ndarray
        ``(j,)`` those that gates are judged on, at most ``gate_users``.
    """

    def __init__(self, valid, truth, options, material):
        self.valid, self.truth, self.options = valid, truth, options
        self.columns, self.threads, self.cache = material["columns"], material["threads"], material["fitted"]
        rows = np.flatnonzero(truth >= 0)
        self.fitted = self._sample(rows, options["training_users"])
        self.judged = self._sample(rows, options["gate_users"])
        self.whole = len(self.fitted) == len(self.judged) == len(rows)
        self.seeds = [options["seed"] + number for number in range(options["fold_seeds"])]

    def _sample(self, rows, most):
        if len(rows) <= most:
            return rows
        rng = np.random.default_rng([self.options["seed"], len(rows), most])
        return np.sort(rng.choice(rows, most, replace=False))

    def base_values(self):
        """Return the NDCG of the base list for each judged user, ``(seeds, j)``."""
        ranks = truth_ranks(usable(self.valid, single_scores(self.valid, BASE))[self.judged], self.truth[self.judged])
        return np.broadcast_to(ndcg(ranks, FITTED_AT), (len(self.seeds), len(self.judged)))

    def values(self, stage):
        """Return the NDCG of cross-fitted lists for each judged user, ``(seeds, j)``."""
        return self._cached("values", stage, lambda: np.stack([self._values(stage, seed) for seed in self.seeds]))

    def _values(self, stage, seed):
        scores = np.zeros((len(self.judged), self.valid.lists.items.shape[1]), np.float32)
        predict = Predictor(self.columns, self.threads, "valid", self.valid, stage, self.options["start_weight"])
        for fold in self._folds(stage, seed, self.judged):
            scored = np.flatnonzero(np.isin(self.judged, fold.scored))
            scores[scored] = predict.scores([fold.model], self.judged[scored])
        there = self.valid.lists.present[self.judged]
        return ndcg(truth_ranks(np.where(there, scores, -np.inf), self.truth[self.judged]), FITTED_AT)

    def final(self, stage):
        """Return the models that score lists by a stage, and their description."""
        return self._cached("final", stage, lambda: self._final(stage))

    def _final(self, stage):
        seeds = self.seeds if self.whole else self.seeds[:1]
        cross_fitted, models, gains, trees = [], [], 0, []
        for seed in seeds:
            folds = [fold.model for fold in self._folds(stage, seed, self.fitted)]
            reached = [model.best_iteration for model in folds]
            cross_fitted.append(
                {"seed": seed, "models": [model.model_to_string(num_iteration=model.best_iteration) for model in folds]}
            )
            model = self._refitted(stage, seed, max(1, round(np.mean(reached))))
            models.append(model.model_to_string())
            gains = gains + model.feature_importance("gain")
            trees.append(reached)
        names = self.columns.names(stage)
        shares = {name: round(float(gain / (gains.sum() or 1)), 6) for name, gain in zip(names, gains, strict=True)}
        fitted = {"stage": stage, "columns": names, "valid": cross_fitted, "test": models}
        fitted["start_weight"] = self.options["start_weight"]
        return fitted, {"importances": shares, "trees": trees, "seeds_averaged": seeds}

    def _cached(self, what, stage, make):
        """Return a result that all fusions over the base list share."""
        learned = {key: value for key, value in self.options.items() if key != "threshold"}
        users = hashlib.sha256(self.valid.lists.users.tobytes()).hexdigest()
        key = what, repr(stage), repr(learned), users, self.valid.lists.items.shape
        if key not in self.cache:
            self.cache[key] = make()
        return self.cache[key]

    def _folds(self, stage, seed, rows):
        """Return one `Fold` for each fold of the valid users under a seed, fitted on some rows."""
        folds = fold_of(self.columns.sources.data.n_users, seed, self.options["folds"])[self.valid.lists.users]
        return self._cached(f"folds {seed} {len(rows)}", stage, lambda: self._fit_folds(stage, seed, rows, folds))

    def _fit_folds(self, stage, seed, rows, folds):
        table = self._table(stage, rows)
        made = []
        for number in range(self.options["folds"]):
            stop = (number + 1) % self.options["folds"]
            learn, check = (folds[rows] != number) & (folds[rows] != stop), folds[rows] == stop
            stopping = lightgbm.early_stopping(self.options["patience"], verbose=False)
            model = lightgbm.train(
                self._settings(seed, len(rows)),
                table.dataset(learn),
                self.options["rounds"],
                valid_sets=[table.dataset(check)],
                callbacks=[stopping],
            )
            made.append(Fold(model, np.flatnonzero(folds == number)))
        return made

    def _refitted(self, stage, seed, trees):
        """Return a model that is fitted on all rows, with a given number of trees."""
        table = self._table(stage, self.fitted)
        return lightgbm.train(
            self._settings(seed, len(self.fitted)), table.dataset(np.ones(len(self.fitted), bool)), trees
        )

    def _table(self, stage, rows):
        """Return the training table of some rows; the last one is kept, since its folds follow each other."""
        key = repr(stage), rows.tobytes()
        if getattr(self, "_last", (None,))[0] != key:
            self._last = key, Table(self, stage, rows)
        return self._last[1]

    def _settings(self, seed, users):
        """Return the settings of trees that are fitted on some users."""
        return {
            "objective": "lambdarank",
            "metric": "ndcg",
            "eval_at": [FITTED_AT],
            "num_leaves": leaves_for(users, self.options["num_leaves"]),
            "learning_rate": self.options["learning_rate"],
            "min_data_in_leaf": self.options["min_data_in_leaf"],
            "lambda_l2": 1.0,
            "feature_fraction": 0.8,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "bagging_by_query": True,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self.threads,
            "feature_pre_filter": False,
            "verbose": -1,
        }


class Predictor:
    """Scores the candidates of lists by trees.

    Parameters
    ----------
    columns : reelrank.rerank.signals.columns.ColumnStore
    threads : int
    split : {'valid', 'test'}
    aligned : reelrank.rerank.signals.aligned.Aligned
    stage : dict
    start_weight : float
        See `start_scores`.
    """

    def __init__(self, columns, threads, split, aligned, stage, start_weight):
        self.columns, self.threads = columns, threads
        self.split, self.aligned, self.stage, self.start_weight = split, aligned, stage, start_weight

    def scores(self, models, rows):
        """Return the mean of the models' scores, each standardised within the list, ``(len(rows), depth)`` float32."""
        there = self.aligned.lists.present[rows]
        total = np.zeros(there.shape, np.float64)
        for start in range(0, len(rows), USERS_PER_CHUNK):
            chunk = slice(start, start + USERS_PER_CHUNK)
            values = self.columns.values(self.split, self.aligned, rows[chunk], self.stage)
            for model in models:
                flat = model.predict(
                    values.reshape(-1, values.shape[-1]), num_iteration=model.best_iteration, num_threads=self.threads
                )
                total[chunk] += standardised(
                    flat.reshape(values.shape[:2]) + start_scores(there[chunk], self.start_weight), there[chunk]
                )
        return (total / len(models)).astype(np.float32)


class Table:
    """The candidates of some valid users as rows: columns, labels and start scores.

    Of each user it has the held-out item and at most ``training_candidates`` others, drawn at random.
    """

    def __init__(self, trees, stage, rows):
        aligned = trees.valid
        is_target = np.arange(aligned.lists.items.shape[1]) == trees.truth[rows][:, None]
        there = aligned.lists.present[rows]
        kept = drawn_candidates(there, is_target, trees.options["training_candidates"], trees.options["seed"])
        chunks = [
            trees.columns.values("valid", aligned, rows[start : start + USERS_PER_CHUNK], stage)[
                kept[start : start + USERS_PER_CHUNK]
            ]
            for start in range(0, len(rows), USERS_PER_CHUNK)
        ]
        self.counts = kept.sum(1)
        self.whole = lightgbm.Dataset(
            np.concatenate(chunks),
            is_target[kept].astype(np.int8),
            group=self.counts,
            init_score=start_scores(there, trees.options["start_weight"])[kept],
            params={"verbose": -1, "num_threads": trees.threads, "feature_pre_filter": False},
        ).construct()

    def dataset(self, users):
        """Return the LightGBM dataset of some users, given as a mask. The values are put into bins only once."""
        return self.whole.subset(np.flatnonzero(np.repeat(users, self.counts)).tolist())


def drawn_candidates(there, is_target, most, seed):
    """Return which candidates trees are fitted on: the held-out item and at most `most` others of each user.

    Parameters
    ----------
    there, is_target : numpy.ndarray
        ``(k, depth)`` bool: candidates, and the held-out one among them.
    most : int
    seed : int

    Returns
    -------
    numpy.ndarray
        ``(k, depth)`` bool.
    """
    order = np.random.default_rng([seed, *there.shape]).random(there.shape)
    order[is_target], order[~there] = -1, 2
    places = np.argsort(np.argsort(order, axis=1, kind="stable"), axis=1)
    return there & (places <= most)


def start_scores(there, weight):
    """Return the initial scores of the trees, ``(k, depth)`` float64: minus the logarithm of the base rank, weighted.

    With weight 1 the trees learn corrections of the base order, and keep it if they learn nothing. With weight 0 they
    learn the order from the columns alone, which takes more users.
    """
    return np.broadcast_to(-weight * np.log(np.arange(1, there.shape[1] + 1)), there.shape)
