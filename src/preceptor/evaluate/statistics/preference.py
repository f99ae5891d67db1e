"""Pairwise preferences: win rate, and one Bradley-Terry score an arm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from preceptor.core.errors import InputError
from preceptor.core.ids import derive_seed
from preceptor.evaluate.statistics.intervals import (
    RESAMPLES,
    Estimate,
    Floats,
    bootstrap,
    estimate,
    ratio_of_sums,
    share,
)

Winner = Literal["first", "second", "tie"]

PRIOR = 0.5
"""Virtual ties added to every pair of arms: keeps an arm that never loses at a finite score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preference:
    """One comparison of two arms on one unit, both presentation orders taken together."""

    first: str
    second: str
    winner: Winner
    cluster: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """An arm's Bradley-Terry score."""

    arm: str
    score: float
    """Natural log of the odds of being preferred to the anchor, which stands at 0."""
    low: float | None
    high: float | None


def win_rate(preferences: Sequence[Preference], arm: str, other: str, *, seed: int) -> Estimate:
    """Share of comparisons of ``arm`` with ``other`` that ``arm`` wins, a tie counting one half.

    0.5 is no preference. The interval is clustered.

    Raises:
        InputError: the two were never compared.
    """
    values: dict[str, list[float]] = {}
    for p in preferences:
        if {p.first, p.second} == {arm, other}:
            won = 0.5 if p.winner == "tie" else float((p.winner == "first") == (p.first == arm))
            values.setdefault(p.cluster, []).append(won)
    if not values:
        raise InputError(f"'{arm}' and '{other}' were never compared", hint="ask for their preference first")
    groups = [values[c] for c in sorted(values)]
    sums, sizes = np.array([sum(g) for g in groups]), np.array([float(len(g)) for g in groups])
    found = estimate(
        ratio_of_sums(sums, sizes),
        n=int(sizes.sum()),
        clusters=len(groups),
        seed=derive_seed(seed, "win-rate", arm, other),
    )
    return share(found)


def bradley_terry(
    preferences: Sequence[Preference], *, anchor: str, seed: int, resamples: int = RESAMPLES // 10
) -> tuple[Strength, ...]:
    """Bradley-Terry scores of all arms, best first; ``anchor`` stands at 0.

    P(a preferred to b) = 1 / (1 + exp(score_b - score_a)) (Bradley and Terry 1952), fitted by the MM algorithm
    (Hunter 2004, "MM algorithms for generalized Bradley-Terry models"). A tie counts as half a win to each side;
    :data:`PRIOR` virtual ties per pair keep scores finite. Intervals: percentiles over resampled clusters, none
    for fewer than two clusters.

    Raises:
        InputError: no preference, an arm against itself, or an anchor that was never compared.
    """
    arms = sorted({a for p in preferences for a in (p.first, p.second)})
    if anchor not in arms:
        raise InputError(f"the anchor '{anchor}' was never compared", hint=f"arms compared: {', '.join(arms)}")
    wins = _wins(preferences, arms)
    at = arms.index(anchor)

    def scores(weights: Floats) -> Floats:
        return _fit(np.tensordot(weights, wins, 1), at)

    whole = scores(np.ones((1, len(wins))))[0]
    lows: list[float | None] = [None] * len(arms)
    highs: list[float | None] = [None] * len(arms)
    if len(wins) > 1:
        drawn = bootstrap(scores, len(wins), seed=derive_seed(seed, "bradley-terry"), resamples=resamples)
        lows = [float(x) for x in np.quantile(drawn, 0.025, axis=0)]
        highs = [float(x) for x in np.quantile(drawn, 0.975, axis=0)]
    found = [
        Strength(arm=a, score=float(s), low=low, high=high)
        for a, s, low, high in zip(arms, whole, lows, highs, strict=True)
    ]
    return tuple(sorted(found, key=lambda s: (-s.score, s.arm)))


def preferred(score: float, other: float) -> float:
    """The chance that an arm with ``score`` is preferred to one with ``other``."""
    return 1 / (1 + math.exp(other - score))


def _wins(preferences: Sequence[Preference], arms: Sequence[str]) -> Floats:
    """Wins of row over column, ties as halves, per cluster: shape (clusters, arms, arms)."""
    clusters = sorted({p.cluster for p in preferences})
    wins = np.zeros((len(clusters), len(arms), len(arms)))
    for p in preferences:
        if p.first == p.second:
            raise InputError(f"'{p.first}' is compared with itself", hint="compare two arms")
        c, i, j = clusters.index(p.cluster), arms.index(p.first), arms.index(p.second)
        won = {"first": 1.0, "second": 0.0, "tie": 0.5}[p.winner]
        wins[c, i, j] += won
        wins[c, j, i] += 1 - won
    return wins


def _fit(wins: Floats, anchor: int) -> Floats:
    """Log strengths by MM, of each table of wins for itself: shape (tables, arms, arms) to (tables, arms).

    The virtual ties connect all arms, so that the maximum exists and is one point.
    """
    count = wins.shape[1]
    wins = wins + (PRIOR / 2) * (1 - np.eye(count))
    games = wins + wins.transpose(0, 2, 1)
    won = wins.sum(axis=2)
    strength = np.ones((len(wins), count))
    going = np.arange(len(wins))
    for _ in range(2000):
        old = strength[going]
        new = won[going] / np.sum(games[going] / (old[:, :, None] + old[:, None, :]), axis=2)
        new /= np.exp(np.log(new).mean(axis=1, keepdims=True))
        strength[going] = new
        going = going[np.abs(np.log(new / old)).max(axis=1) >= 1e-9]
        if not len(going):
            break
    return np.log(strength / strength[:, anchor : anchor + 1])
