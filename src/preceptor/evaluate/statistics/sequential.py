"""Looking after every dialogue without fooling oneself: a confidence sequence for a bounded mean.

An ordinary 95% interval that is looked at again and again, until it says something, is wrong far more often than
one time in twenty. A confidence sequence holds the truth at all times at once with 95%, so that one may stop
whenever one likes: when it is narrow enough, or when the money ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from preceptor.core.errors import InputError

METHOD = "betting confidence sequence (Waudby-Smith and Ramdas 2024, arXiv 2010.09686)"

_GRID = 2001
_CAP = 0.9
"""Share of the largest bet that could not lose everything."""
_PRIOR_SD = 0.15
"""Standard deviation of the one imagined observation that the variance starts from, as a share of the range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What is known after ``n`` observations."""

    n: int
    mean: float
    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of the width, in the observations' units."""
        return (self.high - self.low) / 2


def confidence_sequence(
    values: Sequence[float], *, low: float, high: float, target: float, alpha: float = 0.05
) -> tuple[Bounds, ...]:
    """Bounds on the mean after each of ``values``, valid at all times together with chance 1 - ``alpha``.

    The hedged capital process: for every possible mean, a gambler bets on the next value being above it, another
    on its being below; means against which either has multiplied the stake by 1 / alpha are ruled out. Any bet that
    is chosen before the value is seen is allowed; ours is ``target`` over the variance so far, the one that rules
    out means at distance ``target`` soonest. That takes about twice the values of an interval of the same width
    that is looked at once.

    Args:
        values: independent, in the order in which they came, each within ``low`` and ``high``: for paired
            differences of satisfaction, one mean difference per profile, within -4 and 4, profiles in random order.
        target: the half-width that is aimed for, in the units of ``values``. It changes how fast the sequence
            narrows, never whether it is valid.

    Raises:
        InputError: a value out of range or not finite; bounds, target or alpha that make no sense.
    """
    if not (low < high and target > 0 and 0 < alpha < 1):
        raise InputError(
            f"no confidence sequence for range {low} to {high}, target {target}, alpha {alpha}",
            hint="the range must not be empty, the target positive, alpha between 0 and 1",
        )
    for i, value in enumerate(values):
        if not low <= value <= high:
            raise InputError(
                f"value {i + 1} is {value}, which is not within {low} and {high}",
                hint="give the range of the scale",
            )
    span = high - low
    means = np.linspace(0.0, 1.0, _GRID)
    step = float(means[1])
    above, below = np.zeros(_GRID), np.zeros(_GRID)  # log capital of the two gamblers
    most_above, most_below = _CAP / np.maximum(means, step), _CAP / np.maximum(1 - means, step)
    bar = math.log(2 / alpha)  # each gambler starts with half the stake
    total, squares, left, right = 0.0, _PRIOR_SD**2, 0.0, 1.0
    found: list[Bounds] = []
    for t, value in enumerate(values, 1):
        x = (value - low) / span
        bet = (target / span) / (squares / t)
        above += np.log1p(np.minimum(bet, most_above) * (x - means))
        below += np.log1p(-np.minimum(bet, most_below) * (x - means))
        total += x
        squares += (x - (total + 0.5) / (t + 1)) ** 2
        held = np.flatnonzero((above < bar) & (below < bar))
        if len(held):
            # The set may end anywhere up to the next grid point.
            new_left = max(left, float(means[held[0]]) - step)
            new_right = min(right, float(means[held[-1]]) + step)
            if new_left <= new_right:
                left, right = new_left, new_right
        found.append(Bounds(n=t, mean=low + span * total / t, low=low + span * left, high=low + span * right))
    return tuple(found)
