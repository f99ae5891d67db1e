"""Scores adjusted for length: judges like long answers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from preceptor.core.errors import InputError
from preceptor.core.ids import derive_seed
from preceptor.evaluate.statistics.intervals import Estimate, Floats, Statistic, estimate, ratio_of_sums


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthPair:
    """A pair of dialogues: score and words per reply of the arm and of the baseline."""

    unit: str
    cluster: str
    score: float
    baseline_score: float
    words: float
    baseline_words: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthAdjusted:
    """A difference with and without what goes with length."""

    raw: Estimate
    adjusted: Estimate | None
    """The difference to expect between replies of equal length; None where it cannot be told, see ``reason``."""
    per_doubling: Estimate | None
    """Score points that go with twice the words."""
    ratio: float
    """Words of the arm over words of the baseline, geometric mean."""
    reason: str = ""


def adjust_for_length(pairs: Sequence[LengthPair], *, seed: int) -> LengthAdjusted:
    """Regress paired score differences on the log of the ratio of words; the intercept is the adjusted difference.

    After the length-controlled win rates of AlpacaEval (Dubois et al. 2024, arXiv 2404.04475), on paired scores.
    Length may be a way in which an arm helps and not only a bias: read raw and adjusted side by side. Where every
    pair has the arm longer, the intercept is an extrapolation, and its interval says so by its width.

    Raises:
        InputError: no pairs, or a pair with a number that is not finite or no words; names the unit.
    """
    if not pairs:
        raise InputError("there are no pairs to adjust", hint="give at least one pair of rated dialogues")
    clusters = sorted({p.cluster for p in pairs})
    sums = np.zeros((len(clusters), 5))
    for p in sorted(pairs, key=lambda p: (p.cluster, p.unit)):
        x, y = _log_ratio(p), p.score - p.baseline_score
        if not math.isfinite(y):
            raise InputError(f"unit '{p.unit}': a score is not a finite number", hint="leave the pair out")
        sums[clusters.index(p.cluster)] += (1.0, x, y, x * x, x * y)
    n = len(pairs)

    def told(statistic: str) -> Estimate:
        return estimate(
            _line(sums, statistic), n=n, clusters=len(clusters), seed=derive_seed(seed, "length", statistic)
        )

    raw = estimate(
        ratio_of_sums(sums[:, 2], sums[:, 0]), n=n, clusters=len(clusters), seed=derive_seed(seed, "length", "raw")
    )
    total = sums.sum(axis=0)
    ratio = math.exp(total[1] / n)
    spread = total[3] / n - (total[1] / n) ** 2
    if len(clusters) < 3 or spread < 1e-6:
        reason = "lengths hardly vary, or there are fewer than 3 clusters: no adjustment can be told"
        return LengthAdjusted(raw=raw, adjusted=None, per_doubling=None, ratio=ratio, reason=reason)
    return LengthAdjusted(raw=raw, adjusted=told("intercept"), per_doubling=told("slope"), ratio=ratio)


def _log_ratio(pair: LengthPair) -> float:
    for words in (pair.words, pair.baseline_words):
        if not (math.isfinite(words) and words > 0):
            raise InputError(f"unit '{pair.unit}': {words} words a reply", hint="leave pairs without replies out")
    return math.log(pair.words / pair.baseline_words)


def _line(sums: Floats, which: str) -> Statistic:
    """Least squares of y on x from sums of (1, x, y, xx, xy) per cluster."""

    def statistic(weights: Floats) -> Floats:
        n, x, y, xx, xy = (weights @ sums).T
        spread = n * xx - x * x
        steady = spread > 1e-9 * np.maximum(1.0, n * n)
        slope = np.where(steady, (n * xy - x * y) / np.where(steady, spread, 1.0), 0.0)
        return slope * math.log(2) if which == "slope" else (y - slope * x) / n

    return statistic
