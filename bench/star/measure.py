"""Accuracy with intervals that know that turns of one dialogue are not independent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """Share of right moves, with a 95% bootstrap interval over dialogues."""

    name: str
    value: float
    low: float
    high: float
    turns: int


def figure(
    name: str, right: Sequence[bool], dialogues: Sequence[str], *, seed: int = 1, draws: int = 2000
) -> Figure:
    """Percentile bootstrap that draws whole dialogues."""
    _, place = np.unique(np.asarray(dialogues), return_inverse=True)
    hits = np.bincount(place, weights=np.asarray(right, dtype=float))
    sizes = np.bincount(place).astype(float)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(hits), np.full(len(hits), 1 / len(hits)), size=draws)
    low, high = np.percentile((drawn @ hits) / (drawn @ sizes), [2.5, 97.5])
    return Figure(
        name=name, value=float(hits.sum() / sizes.sum()), low=float(low), high=float(high), turns=len(right)
    )


def abstention(scores: Sequence[float], right: Sequence[bool]) -> list[tuple[float, float, float]]:
    """(floor, coverage, accuracy where it answers) as a floor on the score rises."""
    score, hit = np.asarray(scores), np.asarray(right, dtype=float)
    rows: list[tuple[float, float, float]] = []
    for floor in np.arange(0.0, 0.95, 0.05):
        kept = score >= floor
        if kept.sum() >= 20:
            rows.append((round(float(floor), 2), float(kept.mean()), float(hit[kept].mean())))
    return rows
