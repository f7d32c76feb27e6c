"""Laws ``y = start + a * users^b * items^c * candidates^d``, their errors and what they foretell."""

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


def fit(sizes, values):
    """Fit one law by least squares of logarithms.

    Parameters
    ----------
    sizes : array
        ``(n, 3)`` users, items, candidates.
    values : array
        ``(n,)`` above 0.

    Returns
    -------
    dict or None
        ``start``, ``a``, ``exponents`` and their standard errors (nan for what did not vary), ``rmse`` of the
        logarithm, and what `foretell` needs; None where there are too few sizes.
    """
    sizes, values = np.asarray(sizes, float), np.asarray(values, float)
    varies = [bool(len(set(column)) > 1) for column in sizes.T]
    free = 2 + sum(varies)
    if len(set(map(tuple, sizes))) < max(FEWEST, free + 1):
        return None
    middle = np.exp(np.log(sizes).mean(0))
    x, y, typical = np.log(sizes / middle)[:, varies], np.log(values), TYPICAL[varies]

    def law(theta, x):
        return np.logaddexp(theta[0], theta[1] + x @ theta[2:])

    lowest = [y.min() - 12, y.min() - 12] + [0.0] * (free - 2)
    highest = [y.max() + 0.1, y.max() + 3] + [2.5] * (free - 2)
    best = None
    for share in (0.02, 0.5, 0.95):
        for slope in (0.3, 1.0):
            guess = np.clip([y.min() + np.log(share), y.mean(), *[slope] * (free - 2)], lowest, highest)
            found = least_squares(
                lambda theta: np.append(law(theta, x) - y, NOISE * (theta[2:] - typical) / APART),
                guess,
                bounds=(lowest, highest),
            )
            best = found if best is None or found.cost < best.cost else best
    left = law(best.x, x) - y
    rmse = float(np.sqrt((left**2).sum() / max(1, len(y) - free)))
    covariance = np.linalg.pinv(best.jac.T @ best.jac) * max(rmse, 0.02) ** 2
    exponents, errors = np.full(3, np.nan), np.full(3, np.nan)
    exponents[varies], errors[varies] = best.x[2:], np.sqrt(np.diag(covariance))[2:]
    start, scale = np.exp(best.x[:2])
    return {
        "start": float(start),
        "a": float(scale / np.prod(middle[varies] ** best.x[2:])),
        "exponents": exponents,
        "errors": errors,
        "rmse": rmse,
        "law": lambda at: law(best.x, np.log(np.asarray(at, float) / middle)[varies]),
        "theta": best.x,
        "covariance": covariance,
        "middle": middle,
        "varies": varies,
        "flat": bool(values.max() / values.min() < FLAT),
    }


def foretell(found, at):
    """Return the value at a size, and the factor that it may be off (one standard error, from the fit alone)."""
    theta = found["theta"]
    x = np.log(np.asarray(at, float) / found["middle"])[found["varies"]]
    grown = theta[1] + x @ theta[2:]
    value = np.logaddexp(theta[0], grown)
    share = np.exp(grown - value)
    slope = np.concatenate([[1 - share, share], share * x])
    off = np.sqrt(slope @ found["covariance"] @ slope + found["rmse"] ** 2)
    return float(np.exp(value)), float(np.exp(min(off, 2 * np.log(FARTHEST))))


def missed(rows):
    """Return what the largest run took, as a factor of what the others foretell of it; nan where they tell no law."""
    rows = sorted(rows, key=lambda row: np.prod([float(size) for size in row[2:5]]))
    *others, largest = rows
    found = fit([row[2:5] for row in others], [row[5] for row in others]) if others else None
    return largest[5] / foretell(found, largest[2:5])[0] if found else np.nan


def exponent(found, axis):
    """Return ``b ± error`` of one variable as text."""
    if np.isnan(found["exponents"][axis]):
        return ""
    return f"{found['exponents'][axis]:.2f} ± {found['errors'][axis]:.2f}"


def short(value):
    """Return a number with two significant digits and no more zeros than it needs."""
    return f"{float(f'{value:.2g}'):,.10g}" if value < 1000 else f"{round(value, 1 - int(np.log10(value))):,.0f}"


def report(rows, per_user):
    """Return Markdown: sizes, one table of laws per quantity, and what they say of larger data."""
    lines = [
        "<!-- made by tests/benchmarks/measure_scale.py -->",
        "# Measured laws of scale",
        "",
        "`y = start + a * users^b * items^c * candidates^d`, fitted to logarithms; errors are one standard error. "
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
        heads = ["job", "sizes", "least", "most", "start", "users", "items", "candidates", "fit", "missed", *TARGETS]
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
        return [*cells, *[""] * (6 + len(TARGETS))]
    if found["flat"]:
        return [*cells, *[""] * 6, *[f">= {short(max(values))}"] * len(TARGETS)]
    miss = missed(rows)
    cells += [short(found["start"]), *(exponent(found, axis) for axis in range(3)), f"x {np.exp(found['rmse']):.2f}"]
    cells.append("" if np.isnan(miss) else f"x {miss:.2f}")
    by_interaction = KEPT_BY_INTERACTION if quantity == "MiB on disk" else BY_INTERACTION
    for users, items, interactions, candidates in TARGETS.values():
        like = interactions / per_user if job.split("/")[0] in by_interaction else users
        value, factor = foretell(found, (like, items, candidates))
        factor = np.exp(np.hypot(np.log(factor), 0 if np.isnan(miss) else np.log(miss)))
        cells.append(f"{short(value)} (x/÷ {factor:.1f})" if factor < FARTHEST else "not foretold")
    return cells
