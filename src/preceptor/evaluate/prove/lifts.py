"""From replays to the lift of every strategy, with errors that know of clusters and of looking more than once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from preceptor.evaluate.prove.replay import Replay
from preceptor.evaluate.statistics.distributions import t_cdf, t_quantile

Floats = NDArray[np.float64]

FOLDS = 5
RIDGE = 4.0
"""Variance of a comparison over the variance of lifts, as practice runs and common sense suggest. It decides how
much noise is taken out, never what is estimated."""
LEAST_SPREAD = 0.05
"""Standard deviation of lifts below which nobody believes them to lie, however alike they look."""
LEAST_VARIANCE = 0.25
"""Variance of a preference, -1 to 1, below which a few that agree are taken for luck."""
PRIOR_DF = 40.0
"""Degrees of freedom that the pooled variance counts for in each strategy's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lift:
    """What one strategy does to the student's replies."""

    strategy: str
    value: float
    """Preference for the reply with the strategy over the one without, -1 (always worse) to 1 (always better)."""
    error: float
    """Standard error, clustered by customer."""
    df: float
    p: float
    """Two-sided, of no effect, as if looked at once."""
    n: int
    """Replays that the strategy took part in."""
    clusters: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Student's t interval, cut at -1 and 1."""
        reach = t_quantile(0.5 + level / 2, self.df) * self.error
        return max(-1.0, self.value - reach), min(1.0, self.value + reach)


def lifts(replays: Sequence[Replay], *, flips: Sequence[int] | None = None) -> dict[str, Lift]:
    """The lift of every strategy that took part in a replay.

    In each replay every strategy is by a fair coin on the one side or the other, so the mean of (side x preference)
    is an unbiased estimate of its lift whatever the others do, and whichever scenarios were chosen for whatever
    reason. To make it sharper, what the others in the replay are expected to do is taken off first, by a ridge
    regression on the replays of other customers (cross-fitting: Wager et al. 2016, "High-dimensional regression
    adjustments in randomized experiments"): coins do not know of it, so nothing is biased.

    Errors are clustered by customer. Few strategies have many customers, so their variances borrow from the pooled
    one (moderated t: Smyth 2004, "Linear models and empirical Bayes methods", with the prior's weight fixed).

    Args:
        replays: those that failed are left out.
        flips: 1 or -1 per replay with a value: swaps the two sides. With random ones there is nothing to find.
    """
    used = [r for r in replays if r.value is not None and r.signs]
    if not used:
        return {}
    ids = sorted({i for r in used for i in r.signs})
    place = {name: n for n, name in enumerate(ids)}
    sides = np.zeros((len(used), len(ids)))
    for row, r in enumerate(used):
        for name, sign in r.signs.items():
            sides[row, place[name]] = sign
    y = np.array([cast("float", r.value) for r in used]) * (1 if flips is None else np.asarray(flips))
    names = sorted({r.cluster for r in used})
    number = {name: n for n, name in enumerate(names)}
    clusters = np.array([number[r.cluster] for r in used], dtype=np.int64)
    values = _adjusted(sides, y, clusters)
    raw = {name: _raw(values[:, n], sides[:, n] != 0, clusters) for name, n in place.items()}
    # Of few replays nobody knows the variance: until there are many, that of preferences under coins counts.
    weight = sum(r.df for r in raw.values())
    coins = max(LEAST_VARIANCE, float(np.mean(y**2)))
    within = sum(r.df * r.variance for r in raw.values())
    pooled = (within + PRIOR_DF * coins) / (weight + PRIOR_DF)
    return {name: _lift(name, r, pooled) for name, r in raw.items()}


def _adjusted(sides: Floats, y: Floats, clusters: NDArray[np.int64]) -> Floats:
    """Per replay and strategy: side x (preference less what the others are expected to bring)."""
    values = np.zeros_like(sides)
    for fold in range(FOLDS):
        here = clusters % FOLDS == fold
        if not here.any():
            continue
        others, known = sides[~here], y[~here]
        beta = _ridge(others, known)
        left = y[here] - sides[here] @ beta
        values[here] = sides[here] * left[:, None] + (sides[here] != 0) * beta[None, :]
    return values


def _ridge(sides: Floats, y: Floats) -> Floats:
    """Coefficients of the ridge regression; solved in whichever of its two forms is smaller."""
    rows, columns = len(sides), int(sides.shape[1])
    if columns <= rows:
        found = np.linalg.solve(sides.T @ sides + RIDGE * np.eye(columns), sides.T @ y)
    else:
        found = sides.T @ np.linalg.solve(sides @ sides.T + RIDGE * np.eye(rows), y)
    return found.astype(np.float64)


@dataclass(frozen=True, slots=True)
class _Raw:
    mean: float
    variance: float
    """Per replay, with what clustering adds."""
    df: int
    n: int


def _raw(values: Floats, present: NDArray[np.bool_], clusters: NDArray[np.int64]) -> _Raw:
    mine, where = values[present], clusters[present]
    n = len(mine)
    mean = float(mine.mean())
    _, index = np.unique(where, return_inverse=True)
    sums = np.bincount(index, weights=mine - mean)
    g = len(sums)
    variance = float(g / (g - 1) * np.sum(sums**2) / n) if g > 1 else 0.0
    return _Raw(mean, variance, g - 1, n)


def _lift(name: str, raw: _Raw, pooled: float) -> Lift:
    df = raw.df + PRIOR_DF
    variance = (raw.df * raw.variance + PRIOR_DF * pooled) / df
    error = math.sqrt(max(variance, 1e-9) / raw.n)
    p = 2 * t_cdf(-abs(raw.mean) / error, df)
    value = max(-1.0, min(1.0, raw.mean))
    return Lift(strategy=name, value=value, error=error, df=df, p=min(1.0, p), n=raw.n, clusters=raw.df + 1)


@dataclass(frozen=True, slots=True)
class Belief:
    """What is believed of one lift after seeing all of them."""

    mean: float
    sd: float

    def below(self, value: float) -> float:
        """Chance that the lift is below ``value``."""
        return 0.5 * math.erfc((self.mean - value) / (self.sd * math.sqrt(2)))


def beliefs(found: Mapping[str, Lift]) -> dict[str, Belief]:
    """Each lift drawn towards the mean of all by how unsure it is: what to rank by, and what to spend by.

    Empirical Bayes with a normal prior, its variance by moments, as in DerSimonian and Laird (1986).
    """
    if not found:
        return {}
    values = np.array([x.value for x in found.values()])
    variances = np.array([x.error**2 for x in found.values()])
    weights = 1 / variances
    mean = float(np.sum(weights * values) / np.sum(weights))
    q = float(np.sum(weights * (values - mean) ** 2))
    scale = float(np.sum(weights) - np.sum(weights**2) / np.sum(weights))
    spread = max(LEAST_SPREAD**2, (q - (len(values) - 1)) / scale if scale > 0 else 0.0)
    middle = float(np.sum(values / (variances + spread)) / np.sum(1 / (variances + spread)))
    shares = spread / (spread + variances)
    return {
        name: Belief(middle + float(share) * (x.value - middle), math.sqrt(float(share)) * x.error)
        for share, (name, x) in zip(shares, found.items(), strict=True)
    }
