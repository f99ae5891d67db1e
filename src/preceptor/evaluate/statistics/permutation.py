"""Would noise alone have looked the same? Sign-flip test by cluster, and Holm's correction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from preceptor.evaluate.statistics.intervals import MANY_CLUSTERS, Floats, group_ends

EXACT_UP_TO = 16
"""Clusters up to which all 2**G sign patterns are looked at."""

FLIPS = 20_000
_CHUNK = 2_000_000
_TIE = 1e-6
_MOST = 20_000_000
"""Signs drawn at most in one test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignFlip:
    """Result of a sign-flip test."""

    p: float
    """Two-sided: share of sign patterns whose mean difference is at least as far from 0 as the one seen."""
    exact: bool
    """False: estimated from random patterns, the seen one counted in, so that p is never 0."""
    patterns: int


def sign_flip(cluster_sums: Floats, *, seed: int, flips: int = FLIPS) -> SignFlip:
    """Sign-flip permutation test of "no difference", for paired differences summed per cluster.

    Under the null hypothesis that the two arms are exchangeable within a cluster, each cluster's sum could as
    well have had the other sign. The number of units per cluster does not change under flipping, so the sum
    ranks patterns as the mean does. Scores on half points make many patterns tie, which would keep a 5% test
    from ever reaching 5%; patterns with the same mean are therefore ranked by the signed sum of square roots,
    in which outliers weigh less. Any statistic makes an exact test, so this one does too. Monte Carlo p is
    (b + 1) / (m + 1) (Phipson and Smyth 2010, "Permutation P-values should never be zero"), which keeps the
    test valid. Of more than ``MANY_CLUSTERS`` clusters, groups of neighbours change sign together: fewer patterns,
    and as valid, since these form a group too. Deterministic by ``seed``.
    """
    sums = np.asarray(cluster_sums, dtype=np.float64)
    if len(sums) > MANY_CLUSTERS:
        sums = np.add.reduceat(sums, group_ends(len(sums), MANY_CLUSTERS)[:-1])
    sums = sums[sums != 0]  # a zero is the same under both signs
    g = len(sums)
    if g == 0:
        return SignFlip(p=1.0, exact=True, patterns=1)
    roots = np.sign(sums) * np.sqrt(np.abs(sums))
    roots *= _TIE * float(np.abs(sums).sum()) / float(np.abs(roots).sum())
    both = np.stack([sums, roots], axis=1)
    # Patterns that tie with the seen one must count as ties in spite of rounding.
    bound = float(_distance(np.ones((1, g), dtype=np.float64), both)[0]) - 1e-11 * float(np.abs(sums).sum())
    if g <= EXACT_UP_TO:
        # The mirror image of a pattern has the same distance from 0: fix the last sign, look at half of them.
        numbers = np.arange(2 ** (g - 1), dtype=np.int64)[:, None]
        bits = np.bitwise_and(np.right_shift(numbers, np.arange(g, dtype=np.int64)), 1).astype(np.float64)
        totals = _distance(1.0 - 2.0 * bits, both)
        return SignFlip(p=float(np.mean(totals >= bound)), exact=True, patterns=2**g)
    rng = np.random.default_rng(seed)
    flips = min(flips, max(1000, _MOST // g))
    hits, step = 0, max(1, _CHUNK // g)
    for start in range(0, flips, step):
        flipped = rng.integers(0, 2, size=(min(step, flips - start), g), dtype=np.int8).astype(np.float64)
        totals = _distance(1.0 - 2.0 * flipped, both)
        hits += int(np.count_nonzero(totals >= bound))
    return SignFlip(p=(hits + 1) / (flips + 1), exact=False, patterns=flips)


def _distance(signs: Floats, both: Floats) -> Floats:
    """How far from 0 each pattern is: the size of its sum, ties broken by its roots on the same side."""
    found = signs @ both
    no_mean = np.abs(found[:, 0]) <= 1e-9 * float(np.abs(both[:, 0]).sum())
    side = np.where(no_mean, np.sign(found[:, 1]), np.sign(found[:, 0]))
    return np.abs(found[:, 0]) + side * found[:, 1]


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values corrected for looking at all of them (Holm 1979), in the order given, each at most 1."""
    count = len(p_values)
    order = sorted(range(count), key=lambda i: p_values[i])
    corrected = [0.0] * count
    running = 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, (count - rank) * p_values[i]))
        corrected[i] = running
    return tuple(corrected)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """P-values corrected for the false-discovery rate (Benjamini and Hochberg 1995), in the order given."""
    count = len(p_values)
    order = sorted(range(count), key=lambda i: p_values[i], reverse=True)
    corrected = [0.0] * count
    running = 1.0
    for back, i in enumerate(order):
        running = min(running, p_values[i] * count / (count - back))
        corrected[i] = running
    return tuple(corrected)
