"""Laws of time, memory and disk in users, items and candidates, their errors and what they foretell."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares

#: Data that the laws are carried to: users, items, interactions, candidates. Items and interactions of MicroLens-1M
#: and items of the full release are those of the paper (arXiv 2309.15379).
TARGETS = {
    "MicroLens-100k": (100_000, 19_738, 719_405, 100),
    "MicroLens-1M": (1_000_000, 91_402, 9_095_620, 100),
    "full release": (34_000_000, 1_000_000, 1_000_000_000, 100),
}

#: Jobs whose work goes by interactions rather than by users, and what of it stays on disk.
BY_INTERACTION = ("raw", "prepared", "split", "split, item_statistics", "models", "texts")
KEPT_BY_INTERACTION = tuple(name for name in BY_INTERACTION if name != "models")

#: Memory is fitted from so many users on: below, buffers of fixed size fill, which do not grow with the data.
MEMORY_FROM = 10_000

#: A forecast that may be off by more than this factor is none.
FARTHEST = 10

#: What exponents of users, items and candidates are drawn to where the sizes tell little, and how far they may well
#: be from it: work and memory go by users, and by part of the rest.
TYPICAL, APART = np.array([1.0, 0.5, 0.5]), 0.3

#: Spread of a measurement that is repeated, in logarithms: what the draw is weighed against.
NOISE = 0.05

#: A law with fewer sizes than this is not fitted.
FEWEST = 3

#: A quantity that grows by less than this factor over all sizes has no law: larger data may need more.
FLAT = 1.15


#: Forms of a law, as the axes (0 users, 1 items, 2 candidates) of each term beside the constant one: work on every user
#: and item, or on users and, apart from that, on items.
FORMS = {"users x items": ((0, 1, 2),), "users + items": ((0, 2), (1,))}


@dataclass(frozen=True)
class Law:
    """``y = start + sum of a * product of size^exponent`` over terms, in logarithms around the middle size.

    Attributes
    ----------
    form : str
        A key of `FORMS`.
    theta : numpy.ndarray
        Logarithms of the start and of each term at the middle size, then the three exponents.
    covariance : numpy.ndarray
        Of `theta`.
    rmse : float
        Of the logarithm.
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

    def foretell(self, size):
        """Return the value at a size, and the factor that it may be off: one standard error, from the fit alone."""
        x = np.log(np.asarray(size, float) / self.middle)[None]
        value = _evaluate(self.form, self.theta, x)[0]
        steps = 1e-5 * np.eye(len(self.theta))
        slope = np.array([(_evaluate(self.form, self.theta + step, x)[0] - value) / 1e-5 for step in steps])
        off = np.sqrt(slope @ self.covariance @ slope + self.rmse**2)
        return float(np.exp(value)), float(np.exp(min(off, 2 * np.log(FARTHEST))))

    def exponent(self, axis):
        """Return ``b ± error`` of one variable as text, empty if it was measured at one size."""
        error = np.sqrt(self.covariance[axis - 3, axis - 3])
        return f"{self.theta[axis - 3]:.2f} ± {error:.2f}" if self.varied[axis] else ""


def _evaluate(form, theta, x):
    """Return the logarithm of the law at logarithms `x` of sizes, ``(n, 3)``."""
    terms = [np.full(len(x), theta[0])]
    for number, axes in enumerate(FORMS[form]):
        terms.append(theta[1 + number] + x[:, axes] @ theta[-3:][list(axes)])
    return np.logaddexp.reduce(terms)


def fit(sizes, values):
    """Fit the form of law that explains most, by least squares of logarithms; None where there are too few sizes.

    Forms are compared by what they leave unexplained and by how many numbers they take for it (Akaike 1974).

    Parameters
    ----------
    sizes : array
        ``(n, 3)`` users, items, candidates.
    values : array
        ``(n,)`` above 0.

    Returns
    -------
    Law or None
    """
    sizes, values = np.asarray(sizes, float), np.asarray(values, float)
    varied = np.array([len(set(column)) > 1 for column in sizes.T])
    laws = []
    for form, terms in FORMS.items():
        free = 1 + len(terms) + int(varied.sum())
        if len(set(map(tuple, sizes))) >= max(FEWEST, free + 1) and (len(terms) == 1 or varied.all()):
            laws.append(_fit_form(form, sizes, values, varied, free))
    return min(laws, key=lambda found: found[0])[1] if laws else None


def _fit_form(form, sizes, values, varied, free):
    """Return ``(Akaike's criterion, Law)`` of one form."""
    middle = np.exp(np.log(sizes).mean(0))
    x, y, terms = np.log(sizes / middle), np.log(values), len(FORMS[form])

    def residuals(theta):
        drawn = NOISE * (theta[-3:] - TYPICAL) / APART
        return np.append(_evaluate(form, theta, x) - y, drawn)

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


def missed(rows):
    """Return what the largest run took, as a factor of what the others foretell of it; nan where they tell no law."""
    rows = sorted(rows, key=lambda row: np.prod([float(size) for size in row[2:5]]))
    *others, largest = rows
    found = fit([row[2:5] for row in others], [row[5] for row in others]) if others else None
    return largest[5] / found.foretell(largest[2:5])[0] if found else np.nan


def short(value):
    """Return a number with two significant digits and no more zeros than it needs."""
    return f"{float(f'{value:.2g}'):,.10g}" if value < 1000 else f"{round(value, 1 - int(np.log10(value))):,.0f}"


def report(rows, per_user):
    """Return Markdown: sizes, one table of laws per quantity, and what they say of larger data."""
    lines = [
        "<!-- made by tests/benchmarks/measure_scale.py -->",
        "# Measured laws of scale",
        "",
        "`start + a * users^b * items^c * candidates^d` (users x items) or `start + a * users^b * candidates^d + "
        "e * items^c` (users + items), whichever explains more, fitted to logarithms; errors are one standard error. "
        "Memory and time hold the start of Python and its libraries as `start`. Exponents are drawn to "
        f"{', '.join(map(str, TYPICAL))}, as if each had been measured there once with an error of {APART}, "
        "so that sizes which tell little make no wild law. `fit` is the spread around the law; "
        "`missed`: what the run of most users x items x candidates took, as a factor of what the others foretell of "
        "it. The error of a forecast holds that of the law, the spread and the miss. What hardly grew has no law: "
        "`>=` says the most that was measured. A forecast that may be off by a factor of "
        f"{FARTHEST} is none. Memory is fitted from {MEMORY_FROM:,} users on: below, buffers of fixed size fill.",
        "",
        "Measured at (users x items x candidates): "
        + ", ".join(f"{u:,} x {i:,} x {c}" for u, i, c in sorted({row[2:5] for row in rows}))
        + f"; {per_user} interactions a user.",
    ]
    for quantity in dict.fromkeys(row[0] for row in rows):
        lines += ["", f"## {quantity}", ""]
        heads = [
            "job",
            "sizes",
            "least",
            "most",
            "law",
            "start",
            "users",
            "items",
            "candidates",
            "fit",
            "missed",
            *TARGETS,
        ]
        lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
        for job in dict.fromkeys(row[1] for row in rows if row[0] == quantity):
            own = [row for row in rows if row[:2] == (quantity, job) and row[5] > 0]
            if own:
                lines.append("| " + " | ".join(_cells(quantity, job, own, per_user)) + " |")
    return "\n".join(lines) + "\n"


def _cells(quantity, job, rows, per_user):
    values = [row[5] for row in rows]
    cells = [job, str(len(rows)), short(min(values)), short(max(values))]
    if quantity == "MiB of memory":
        rows = [row for row in rows if row[2] >= MEMORY_FROM]
        values = [row[5] for row in rows]
    found = fit([row[2:5] for row in rows], values)
    if found is None:
        return [*cells, *[""] * (7 + len(TARGETS))]
    if max(values) < FLAT * min(values):
        return [*cells, *[""] * 7, *[f">= {short(max(values))}"] * len(TARGETS)]
    miss = missed(rows)
    start = short(float(np.exp(found.theta[0])))
    cells += [found.form, start, *map(found.exponent, range(3)), f"x {np.exp(found.rmse):.2f}"]
    cells.append("" if np.isnan(miss) else f"x {miss:.2f}")
    by_interaction = KEPT_BY_INTERACTION if quantity == "MiB on disk" else BY_INTERACTION
    for users, items, interactions, candidates in TARGETS.values():
        like = interactions / per_user if job.split("/")[0] in by_interaction else users
        value, factor = found.foretell((like, items, candidates))
        factor = np.exp(np.hypot(np.log(factor), 0 if np.isnan(miss) else np.log(miss)))
        cells.append(f"{short(value)} (x/÷ {factor:.1f})" if factor < FARTHEST else "not foretold")
    return cells
