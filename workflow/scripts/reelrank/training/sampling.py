"""Settings for the trials of a search: evenly spread at first, then by optuna's tree-structured Parzen estimator.

Sources: Halton's sequence, scrambled (by scipy); Bergstra et al., "Algorithms for Hyper-Parameter Optimization"
(NIPS 2011). A trial depends on the ranges, the seed and the trials before it, and on nothing else. So a search that
was killed continues with the trials that an uninterrupted one has, and a longer search begins with those of a shorter
one.
"""

import numpy as np
import optuna
from scipy.stats import qmc

#: First trials, which are spread evenly: independent draws may leave half of a range without any.
SPREAD = 10

#: How often settings are drawn to find some that were not tried yet. A short list of choices may have no others.
DRAWS = 50

#: Significant digits of a drawn fraction: settings are copied into configs by people.
DIGITS = 3


def drawn(ranges, seed, before):
    """Return the settings of the next trial.

    Parameters
    ----------
    ranges : dict of str to (list or dict)
        By key: choices, or ``low``, ``high`` and ``log``. Integers are drawn between integers, else fractions.
    seed : int
    before : sequence of (dict, float)
        Settings and value of each earlier trial, in order. Larger values are better.

    Returns
    -------
    dict
        A value for each key. They are new, unless `DRAWS` draws find no settings that were not tried.
    """
    tried = [settings for settings, _ in before]
    for settings in _candidates(ranges, seed, before):
        if settings not in tried:
            break
    return settings


def _candidates(ranges, seed, before):
    """Yield `DRAWS` settings for the next trial."""
    number = len(before)
    if number < SPREAD:
        points = qmc.Halton(len(ranges), rng=seed).random(SPREAD + DRAWS)
        for point in (points[number], *points[SPREAD + 1 :]):
            yield {key: _at(share, values) for share, (key, values) in zip(point, ranges.items(), strict=True)}
        return
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    distributions = {key: _distribution(values) for key, values in ranges.items()}
    state = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=state))
    for settings, value in before:
        study.add_trial(optuna.trial.create_trial(params=settings, distributions=distributions, value=value))
    for _ in range(DRAWS):
        found = study.ask(distributions).params
        yield {key: _rounded(found[key], values) for key, values in ranges.items()}


def _at(share, values):
    """Return the value at a share of a range, from 0 to below 1."""
    if isinstance(values, list):
        return values[int(share * len(values))]
    low, high, whole = values["low"], values["high"], isinstance(values["low"], int)
    high += whole  # each integer has its own part of the range
    found = low * (high / low) ** share if values["log"] else low + (high - low) * share
    return min(int(found), values["high"]) if whole else _rounded(found, values)


def _distribution(values):
    if isinstance(values, list):
        return optuna.distributions.CategoricalDistribution(values)
    whole = isinstance(values["low"], int)
    kind = optuna.distributions.IntDistribution if whole else optuna.distributions.FloatDistribution
    return kind(values["low"], values["high"], log=values["log"])


def _rounded(value, values):
    """Return a drawn fraction with few digits, within its range; any other value as it is."""
    if isinstance(values, list) or isinstance(value, int):
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), values["low"]), values["high"])
