"""The normal and Student's t distribution: all that the intervals need.

scipy would give them too, but importing ``scipy.stats`` costs seconds; the tests check these against it.
"""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()
_TINY = 1e-300


def normal_cdf(x: float) -> float:
    """P(Z <= x) of the standard normal distribution."""
    return _NORMAL.cdf(x)


def normal_quantile(p: float) -> float:
    """The x with P(Z <= x) = ``p``, 0 < p < 1."""
    return _NORMAL.inv_cdf(p)


def t_cdf(x: float, df: float) -> float:
    """P(T <= x) of Student's t with ``df`` > 0 degrees of freedom."""
    tail = 0.5 * _incomplete_beta(df / 2, 0.5, df / (df + x * x))
    return 1 - tail if x > 0 else tail


def t_quantile(p: float, df: float) -> float:
    """The x with P(T <= x) = ``p``, 0 < p < 1.

    Newton's method from the normal quantile. Right of 0 the distribution function is concave and the normal
    quantile lies left of the root, so that the steps approach it from one side and cannot overshoot.
    """
    if not 0 < p < 1:
        raise ValueError(f"p must lie between 0 and 1, not {p}")
    if p < 0.5:
        return -t_quantile(1 - p, df)
    x = max(0.0, normal_quantile(p))
    log_scale = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    for _ in range(200):
        density = math.exp(log_scale - (df + 1) / 2 * math.log1p(x * x / df))
        step = (p - t_cdf(x, df)) / density
        x += step
        if step <= 1e-12 * max(1.0, x):
            break
    return x


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """Regularised incomplete beta I_x(a, b) by its continued fraction (DLMF 8.17.22)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - _incomplete_beta(b, a, 1 - x)
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(log_front) * _continued_fraction(a, b, x) / a


def _continued_fraction(a: float, b: float, x: float) -> float:
    """Lentz's method for the fraction of DLMF 8.17.22."""
    c = 1.0
    d = 1 / _away(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 1000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d = 1 / _away(1 + even * d)
        c = _away(1 + even / c)
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1 / _away(1 + odd * d)
        c = _away(1 + odd / c)
        value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return value


def _away(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
