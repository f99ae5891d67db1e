"""Bootstrap intervals for anything that is a function of per-cluster sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from preceptor.evaluate.statistics.distributions import normal_cdf, normal_quantile, t_quantile

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""Weights of the clusters, shape (replicates, clusters), to the statistic, shape (replicates,)."""

LEVEL = 0.95
RESAMPLES = 10_000
FEW_CLUSTERS = 10
"""Below this many clusters the bootstrap distribution is too coarse for a 95% interval: Student's t is used."""

_CHUNK = 2_000_000
_GROUPS = 1000
_MOST = 10_000_000
"""Clusters drawn at most in one bootstrap: with very many clusters fewer resamples say as much."""
MANY_CLUSTERS = 10_000
"""Above this many clusters, as many groups of them are drawn in their place: independent clusters make independent
groups, and the variance between ten thousand is known to about one percent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its interval."""

    value: float
    low: float | None
    """None where no interval can be told: see ``note``."""
    high: float | None
    n: int
    """Units (dialogues, or pairs of them) behind the value."""
    clusters: int
    """Clusters (profiles) that the units come from: the number that the interval really rests on."""
    method: Literal["bca", "percentile", "t", "exact", "none"]
    level: float = LEVEL
    note: str = ""
    """In words, what keeps the interval from being an ordinary one; empty when nothing does."""

    @property
    def half_width(self) -> float | None:
        """Half of the interval's width, in score points."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


def ratio_of_sums(numerators: Floats, denominators: Floats) -> Statistic:
    """Sum of numerators over sum of denominators, each given per cluster.

    With sums of scores and counts of units it is the mean over units. A replicate whose denominator is not
    positive counts as plus or minus infinity, by the sign of its numerator: it is never dropped.
    """

    def statistic(weights: Floats) -> Floats:
        top, bottom = weights @ numerators, weights @ denominators
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(bottom > 0, top / bottom, np.copysign(np.inf, top))

    return statistic


def estimate(  # the parts of one bootstrap, each of which a caller may need to set
    statistic: Statistic,
    *,
    n: int,
    clusters: int,
    seed: int,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    few: int = FEW_CLUSTERS,
    expand: bool = True,
) -> Estimate:
    """The statistic with an interval from resampling whole clusters.

    From ``few`` clusters on: bias-corrected and accelerated bootstrap (BCa; Efron 1987, "Better bootstrap
    confidence intervals"), with the acceleration from the jackknife over clusters. ``expand`` widens the
    nominal level for the smallness of the sample, by Student's t and the factor sqrt(G / (G - 1))
    (Hesterberg 2015, "What teachers should know about the bootstrap", expanded percentile interval).
    Fewer clusters: Student's t with the jackknife's standard error. One cluster: no interval.
    Deterministic by ``seed``.

    Raises:
        ValueError: no cluster, or the statistic is not a number on the data as they are.
    """
    if clusters < 1:
        raise ValueError("no cluster to estimate from")
    whole = float(statistic(np.ones((1, clusters)))[0])
    if not math.isfinite(whole):
        raise ValueError("the statistic is not a finite number on these data")
    if clusters == 1:
        note = "one cluster only: no interval can be told"
        return Estimate(value=whole, low=None, high=None, n=n, clusters=1, method="none", level=level, note=note)
    jack = _jackknife(statistic, clusters)
    if not np.all(np.isfinite(jack)):
        note = "the value hangs on a single cluster: no interval can be told"
        return Estimate(
            value=whole, low=None, high=None, n=n, clusters=clusters, method="none", level=level, note=note
        )
    if float(np.ptp(jack)) <= 1e-12 * max(1.0, abs(whole)):
        note = "no spread between clusters: the interval has no width and tells nothing of other data"
        return Estimate(
            value=whole, low=whole, high=whole, n=n, clusters=clusters, method="t", level=level, note=note
        )
    if clusters < few:
        return _student(whole, jack, n=n, level=level)
    replicates = bootstrap(statistic, clusters, seed=seed, resamples=resamples)
    return _bca(whole, jack, replicates, n=n, clusters=clusters, level=level, expand=expand)


def share(found: Estimate) -> Estimate:
    """An estimated share that knows of its ends: where every cluster says 0% or every one 100%, resampling finds no
    spread, and the exact interval of as many trials as there are clusters is told (Clopper and Pearson 1934).
    """
    if found.low is None or found.low != found.high or found.value not in (0.0, 1.0):
        return found
    reach = ((1 - found.level) / 2) ** (1 / found.clusters)
    low, high = (0.0, 1 - reach) if found.value == 0 else (reach, 1.0)
    return replace(found, low=low, high=high, method="exact", note="")


def bootstrap(statistic: Statistic, clusters: int, *, seed: int, resamples: int = RESAMPLES) -> Floats:
    """The statistic on ``resamples`` draws of clusters with replacement; shape (resamples,).

    Above 1000 clusters the number of resamples goes down, to 1000 at the least; above ``MANY_CLUSTERS`` groups of
    clusters are drawn.
    """
    rng = np.random.default_rng(seed)
    units = min(clusters, MANY_CLUSTERS)
    within = np.diff(group_ends(clusters, units))
    resamples = min(resamples, max(1000, _MOST // clusters))
    step = max(1, _CHUNK // clusters)
    parts: list[Floats] = []
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, units, size=(rows, units))
        drawn += (np.arange(rows) * units)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=rows * units).reshape(rows, units).astype(np.float64)
        parts.append(statistic(weights if units == clusters else np.repeat(weights, within, axis=1)))
    return np.concatenate(parts)


def group_ends(count: int, groups: int) -> NDArray[np.int64]:
    """Where ``groups`` groups of neighbours, as equal in size as can be, begin and end; shape (groups + 1,)."""
    return np.linspace(0, count, groups + 1).round().astype(np.int64)


def _jackknife(statistic: Statistic, clusters: int) -> Floats:
    """The statistic without each cluster in turn; with very many, without each of 1000 groups of them.

    Sums of squares and cubes over groups have the same expectation, so that the acceleration stays what it is.
    """
    count = min(clusters, _GROUPS)
    ends = group_ends(clusters, count)
    step = max(1, _CHUNK // clusters)
    parts: list[Floats] = []
    for start in range(0, count, step):
        rows = min(step, count - start)
        weights = np.ones((rows, clusters))
        for row in range(rows):
            weights[row, ends[start + row] : ends[start + row + 1]] = 0.0
        parts.append(statistic(weights))
    return np.concatenate(parts)


def _student(whole: float, jack: Floats, *, n: int, level: float) -> Estimate:
    g = len(jack)
    error = math.sqrt((g - 1) / g * float(np.sum((jack - jack.mean()) ** 2)))
    reach = t_quantile(0.5 + level / 2, g - 1) * error
    return Estimate(
        value=whole,
        low=whole - reach,
        high=whole + reach,
        n=n,
        clusters=g,
        method="t",
        level=level,
        note=f"only {g} clusters: a rough interval (Student's t)",
    )


def _bca(  # one formula, kept in one place
    whole: float, jack: Floats, replicates: Floats, *, n: int, clusters: int, level: float, expand: bool
) -> Estimate:
    g = clusters
    tail = (1 - level) / 2
    reach = -normal_quantile(tail)
    if expand:
        reach = t_quantile(1 - tail, g - 1) * math.sqrt(g / (g - 1))
    below = (float(np.mean(replicates < whole)) + float(np.mean(replicates <= whole))) / 2
    skew = jack.mean() - jack
    acceleration = float(np.sum(skew**3) / (6 * np.sum(skew**2) ** 1.5))
    method: Literal["bca", "percentile"] = "bca"
    note = ""
    levels = [normal_cdf(-reach), normal_cdf(reach)]
    if 0 < below < 1:
        bias = normal_quantile(below)
        shifted = [_accelerated(bias, bias + z, acceleration) for z in (-reach, reach)]
        levels = [normal_cdf(z) for z in shifted]
    else:
        method, note = "percentile", "all resamples lie on one side: percentile interval"
    with np.errstate(invalid="ignore"):  # between infinite replicates nothing is found: told below
        low, high = (float(x) for x in np.quantile(replicates, levels))
    if not (math.isfinite(low) and math.isfinite(high)):
        note = "some resamples have no finite value: no interval can be told"
        return Estimate(value=whole, low=None, high=None, n=n, clusters=g, method="none", level=level, note=note)
    return Estimate(value=whole, low=low, high=high, n=n, clusters=g, method=method, level=level, note=note)


def _accelerated(bias: float, z: float, acceleration: float) -> float:
    """BCa's shifted normal quantile; past the formula's pole the shift has no bound."""
    scale = 1 - acceleration * z
    return bias + z / scale if scale > 0 else math.copysign(38.0, z)
