"""How far two raters agree: a judge with people, or with itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from preceptor.core.errors import InputError
from preceptor.core.ids import derive_seed
from preceptor.evaluate.statistics.intervals import Estimate, Floats, Statistic, estimate, ratio_of_sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """One item that both rated."""

    item: str
    cluster: str
    judge: float
    person: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How a judge stands to people."""

    kappa: Estimate | None
    """Quadratically weighted: 1 perfect, 0 as by chance. None where neither rater ever varies."""
    bias: Estimate
    """Judge minus person, mean, in score points."""
    reason: str = ""


def agreement(rows: Sequence[Rated], *, seed: int) -> Agreement:
    """Weighted kappa and bias, with intervals clustered.

    With quadratic weights kappa is 1 - mean((j - p)**2) / mean over all pairings of (j - p)**2 (Cohen 1968; Fleiss
    and Cohen 1973), which needs no categories: half points are welcome.

    Raises:
        InputError: no rows, or a rating that is not a finite number; names the item.
    """
    if not rows:
        raise InputError("there are no ratings to compare", hint="rate some dialogues by hand first")
    for row in rows:
        if not (math.isfinite(row.judge) and math.isfinite(row.person)):
            raise InputError(f"item '{row.item}': a rating is not a finite number", hint="leave it out")
    clusters = sorted({r.cluster for r in rows})
    sums = np.zeros((len(clusters), 6))
    for r in sorted(rows, key=lambda r: (r.cluster, r.item, r.judge, r.person)):
        j, p = r.judge, r.person
        sums[clusters.index(r.cluster)] += (1.0, j, p, j * j, p * p, (j - p) ** 2)
    ground = len(rows), len(clusters)
    bias = estimate(
        ratio_of_sums(sums[:, 1] - sums[:, 2], sums[:, 0]),
        n=ground[0],
        clusters=ground[1],
        seed=derive_seed(seed, "bias"),
    )
    if len({r.judge for r in rows} | {r.person for r in rows}) == 1:
        reason = "both raters gave one and the same score throughout: kappa is not defined"
        return Agreement(kappa=None, bias=bias, reason=reason)
    kappa = estimate(_kappa(sums), n=ground[0], clusters=ground[1], seed=derive_seed(seed, "kappa"))
    return Agreement(kappa=kappa, bias=bias)


def weighted_kappa(judge: Sequence[float], person: Sequence[float]) -> float | None:
    """Quadratically weighted kappa of two equally long lists; None where neither varies and they are the same."""
    j, p = np.asarray(judge, dtype=np.float64), np.asarray(person, dtype=np.float64)
    by_chance = float(np.mean((j[:, None] - p[None, :]) ** 2))
    return None if by_chance == 0 else 1 - float(np.mean((j - p) ** 2)) / by_chance


def _kappa(sums: Floats) -> Statistic:
    def statistic(weights: Floats) -> Floats:
        n, j, p, jj, pp, apart = (weights @ sums).T
        by_chance = jj / n + pp / n - 2 * (j / n) * (p / n)
        # A resample in which all ratings are the same agrees perfectly and tells nothing: counted as 0.
        informative = by_chance > 1e-12
        return np.where(informative, 1 - apart / n / np.where(informative, by_chance, 1.0), 0.0)

    return statistic
