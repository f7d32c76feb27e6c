"""Fit laws of time, memory and disk in the numbers of users, items and candidates, and predict larger data."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

#: Data that the laws are extrapolated to: users, items, interactions, candidates. Items and interactions of
#: MicroLens-1M and items of the full release are those of the paper (arXiv 2309.15379).
TARGETS = {
    "MicroLens-100k": (100_000, 19_738, 719_405, 100),
    "MicroLens-1M": (1_000_000, 91_402, 9_095_620, 100),
    "full release": (34_000_000, 1_000_000, 1_000_000_000, 100),
}

#: Jobs whose work grows with interactions, not with users; and those whose files on disk do.
BY_INTERACTION = ("raw", "prepared", "split", "split, item_statistics", "models", "texts")
DISK_BY_INTERACTION = tuple(name for name in BY_INTERACTION if name != "models")

#: Memory is fitted to runs of at least so many users. Smaller runs mostly fill buffers of fixed size.
MEMORY_FROM = 10_000

#: A prediction that may be wrong by this factor or more is not given.
MAX_FACTOR = 10

#: Prior of the exponents of users, items and candidates, and its standard error. It keeps the exponents reasonable
#: where the measured sizes say little: work and memory grow with users, and more slowly with the rest.
PRIOR, PRIOR_ERROR = np.array([1.0, 0.5, 0.5]), 0.3

#: Standard deviation of the logarithm of a repeated measurement. It sets the weight of the prior.
NOISE = 0.05

#: A law is fitted to at least so many sizes.
MIN_SIZES = 3

#: A quantity that grows by less than this factor over all sizes gets no law: larger data may need more.
FLAT = 1.15

#: Forms of a law: the axes (0 users, 1 items, 2 candidates) of each term beside the constant one. The work is done for
#: every pair of user and item, or for users and separately for items.
FORMS = {"users x items": ((0, 1, 2),), "users + items": ((0, 2), (1,))}

AXES = ("users", "items", "candidates")


@dataclass(frozen=True)
class Law:
    """``y = start + sum of a * product of size^exponent`` over terms, fitted in logarithms around the middle size.

    Attributes
    ----------
    form : str
        A key of `FORMS`.
    theta : numpy.ndarray
        Logarithms of the start and of each term at the middle size, then the three exponents.
    covariance : numpy.ndarray
        Covariance of `theta`.
    rmse : float
        Root mean squared error of the logarithm.
    middle : numpy.ndarray
        ``(3,)`` users, items and candidates.
    varied : numpy.ndarray
        ``(3,)`` bool: which of them were measured at several sizes.
    """

    form: str
    theta: np.ndarray
    covariance: np.ndarray
    rmse: float
    middle: np.ndarray
    varied: np.ndarray

    def predict(self, size):
        """Return the value at a size, and the factor of one standard error of the fit."""
        x = np.log(np.asarray(size, float) / self.middle)[None]
        value = _evaluate(self.form, self.theta, x)[0]
        steps = 1e-5 * np.eye(len(self.theta))
        slope = np.array([(_evaluate(self.form, self.theta + step, x)[0] - value) / 1e-5 for step in steps])
        error = np.sqrt(slope @ self.covariance @ slope + self.rmse**2)
        return float(np.exp(value)), float(np.exp(min(error, 2 * np.log(MAX_FACTOR))))

    def exponent(self, axis):
        """Return the exponent of one of the three variables and its standard error."""
        return float(self.theta[axis - 3]), float(np.sqrt(self.covariance[axis - 3, axis - 3]))


def _evaluate(form, theta, x):
    """Return the logarithm of the law at logarithms `x` of sizes, ``(n, 3)``."""
    terms = [np.full(len(x), theta[0])]
    for number, axes in enumerate(FORMS[form]):
        terms.append(theta[1 + number] + x[:, axes] @ theta[-3:][list(axes)])
    return np.logaddexp.reduce(terms)


def fit(sizes, values):
    """Fit the form of law that explains the values best, by least squares of logarithms.

    Forms are compared by Akaike's criterion (Akaike 1974).

    Parameters
    ----------
    sizes : array
        ``(n, 3)`` users, items, candidates.
    values : array
        ``(n,)`` above 0.

    Returns
    -------
    Law or None
        None where there are too few sizes.
    """
    sizes, values = np.asarray(sizes, float), np.asarray(values, float)
    varied = np.array([len(set(column)) > 1 for column in sizes.T])
    laws = []
    for form, terms in FORMS.items():
        free = 1 + len(terms) + int(varied.sum())
        if len(set(map(tuple, sizes))) >= max(MIN_SIZES, free + 1) and (len(terms) == 1 or varied.all()):
            laws.append(_fit_form(form, sizes, values, varied, free))
    return min(laws, key=lambda found: found[0])[1] if laws else None


def _fit_form(form, sizes, values, varied, free):
    """Return ``(Akaike's criterion, Law)`` of one form."""
    middle = np.exp(np.log(sizes).mean(0))
    x, y, terms = np.log(sizes / middle), np.log(values), len(FORMS[form])

    def residuals(theta):
        return np.append(_evaluate(form, theta, x) - y, NOISE * (theta[-3:] - PRIOR) / PRIOR_ERROR)

    lowest = [y.min() - 12] * (1 + terms) + [0.0] * 3
    highest = [y.max() + 0.1] + [y.max() + 3] * terms + [2.5] * 3
    best = None
    for share in (0.02, 0.5, 0.95):
        for slope in (0.3, 1.0):
            guess = np.clip([y.min() + np.log(share), *[y.mean()] * terms, *[slope] * 3], lowest, highest)
            found = least_squares(residuals, guess, bounds=(lowest, highest))
            best = found if best is None or found.cost < best.cost else best
    left = _evaluate(form, best.x, x) - y
    rmse = float(np.sqrt((left**2).sum() / max(1, len(y) - free)))
    covariance = np.linalg.pinv(best.jac.T @ best.jac) * max(rmse, NOISE / 2) ** 2
    return 2 * best.cost / NOISE**2 + 2 * free, Law(form, best.x, covariance, rmse, middle, varied)


def largest_error(rows):
    """Return the value of the largest run divided by what the other runs predict; nan where they give no law."""
    rows = sorted(rows, key=lambda row: np.prod([float(size) for size in row[2:5]]))
    *others, largest = rows
    found = fit([row[2:5] for row in others], [row[5] for row in others]) if others else None
    return largest[5] / found.predict(largest[2:5])[0] if found else np.nan


def describe(rows, per_user):
    """Return one row per quantity and job: what was measured, the law, and what it predicts.

    Parameters
    ----------
    rows : list of tuple
        Quantity, job, users, items, candidates and value of each measurement.
    per_user : float
        Interactions of a user in the measured runs. Jobs of `BY_INTERACTION` are extrapolated by interactions.

    Returns
    -------
    list of dict
        Keys are quantity, job, runs, least, most; where there is a law also law, start, an exponent and its error for
        each axis that varied, fit, largest error, and each target's value and factor of one standard error. `law` is
        ``flat`` for a quantity that hardly grew; a target that cannot be predicted has no value.
    """
    groups = {}
    for row in rows:
        if row[5] > 0:
            groups.setdefault(row[:2], []).append(row)
    return [_describe(*names, own, per_user) for names, own in groups.items()]


def _describe(quantity, job, rows, per_user):
    values = [row[5] for row in rows]
    about = {"quantity": quantity, "job": job, "runs": len(rows), "least": min(values), "most": max(values)}
    if quantity == "MiB of memory":
        rows = [row for row in rows if row[2] >= MEMORY_FROM]
        values = [row[5] for row in rows]
    found = fit([row[2:5] for row in rows], values)
    if found is None:
        return about
    if max(values) < FLAT * min(values):
        return {**about, "law": "flat"}
    error = largest_error(rows)
    about |= {"law": found.form, "start": float(np.exp(found.theta[0])), "fit": float(np.exp(found.rmse))}
    if not np.isnan(error):
        about["largest error"] = float(error)
    for axis in np.flatnonzero(found.varied):
        about[AXES[axis]], about[f"{AXES[axis]} error"] = found.exponent(axis)
    by_interaction = DISK_BY_INTERACTION if quantity == "MiB on disk" else BY_INTERACTION
    for target, (users, items, interactions, candidates) in TARGETS.items():
        like = interactions / per_user if job.split("/")[0] in by_interaction else users
        value, factor = found.predict((like, items, candidates))
        factor = float(np.exp(np.hypot(np.log(factor), 0 if np.isnan(error) else np.log(error))))
        if factor < MAX_FACTOR:
            about[target], about[f"{target} factor"] = value, factor
    return about
