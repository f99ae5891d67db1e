"""What size of difference could this have seen, and how much more would settle it?"""

from __future__ import annotations

import math

import numpy as np

from preceptor.evaluate.statistics.distributions import t_quantile
from preceptor.evaluate.statistics.intervals import Floats

POWER = 0.8
ALPHA = 0.05


def clustered_error(cluster_sums: Floats, cluster_sizes: Floats) -> float | None:
    """Standard error of the mean over units when units of one cluster hang together; None with one cluster.

    The usual sandwich, sqrt(G / (G - 1) * sum((S_g - n_g * mean)**2)) / N (Liang and Zeger 1986). With clusters of
    one size it is the standard deviation of the cluster means over sqrt(G).
    """
    g, n = len(cluster_sums), float(cluster_sizes.sum())
    if g < 2:
        return None
    mean = float(cluster_sums.sum()) / n
    rest = cluster_sums - cluster_sizes * mean
    return math.sqrt(g / (g - 1) * float(np.sum(rest**2))) / n


def smallest_detectable(
    error: float | None, clusters: int, *, alpha: float = ALPHA, power: float = POWER
) -> float | None:
    """The true difference that a two-sided test at ``alpha`` would find with chance ``power``.

    (t_(1 - alpha/2) + t_power) * standard error, with G - 1 degrees of freedom (Bloom 1995, "Minimum detectable
    effects"). None where there is no standard error or where it is zero.
    """
    if error is None or clusters < 2 or error <= 0:
        return None
    return (t_quantile(1 - alpha / 2, clusters - 1) + t_quantile(power, clusters - 1)) * error


def further_units(
    effect: float, error: float | None, *, units: int, clusters: int, alpha: float = ALPHA, power: float = POWER
) -> int | None:
    """Units to add so that a true difference of size ``effect`` would be found with chance ``power``.

    The new units are thought to come in new clusters as large as the present ones; repeats in old clusters bring
    less. 0 when there are enough. None where it cannot be told: no error, no effect, or more than 1000 times
    the present size.
    """
    if error is None or error <= 0 or effect == 0 or clusters < 2:
        return None
    spread = error * math.sqrt(clusters)

    def enough(count: int) -> bool:
        found = smallest_detectable(spread / math.sqrt(count), count, alpha=alpha, power=power)
        can_pass = 2.0 ** (1 - count) <= alpha  # the smallest p that a sign-flip test of so many clusters can give
        return can_pass and found is not None and found <= abs(effect)

    if enough(clusters):
        return 0
    low, high = clusters, clusters * 2
    while not enough(high):
        low, high = high, high * 2
        if high > 1000 * clusters:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return math.ceil((high - clusters) * units / clusters)
