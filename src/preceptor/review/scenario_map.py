"""Scenarios as points on a plane: those that talk about the same lie near each other."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from preceptor.core.records import Scenario
from preceptor.library.conversation_state import state_turns, words

_WIDTH = 512
"""Hashed words: enough to tell situations apart, small enough to project thousands in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A scenario's place, 0 to 1 in both directions."""

    scenario: Scenario
    x: float
    y: float


def project(scenarios: Sequence[Scenario]) -> tuple[Point, ...]:
    """Two principal components of the scenarios' last words (hashed, weighted by rarity), as ranks, so that dense
    regions spread; the same scenarios give the same map."""
    if not scenarios:
        return ()
    matrix = np.zeros((len(scenarios), _WIDTH), dtype=np.float64)
    for row, scenario in enumerate(scenarios):
        for turn in state_turns(scenario.turns):
            for word in words(turn.text):
                matrix[row, zlib.crc32(word.encode()) % _WIDTH] += 1.0
    matrix = np.log1p(matrix) * np.log((len(scenarios) + 1) / (1 + np.count_nonzero(matrix, axis=0)))
    matrix /= np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-9)
    matrix -= matrix.mean(axis=0)
    _, vectors = np.linalg.eigh(matrix.T @ matrix)
    axes = vectors[:, -2:]
    axes *= np.where(axes[np.abs(axes).argmax(axis=0), [0, 1]] < 0, -1, 1)
    plane = matrix @ axes
    return tuple(
        Point(scenario=s, x=float(x), y=float(y))
        for s, x, y in zip(scenarios, _spread(plane[:, 1]), _spread(plane[:, 0]), strict=True)
    )


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the value, half its rank."""
    if len(values) < 2:
        return np.full(len(values), 0.5)
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable") / (len(values) - 1)
    span = max(float(values.max() - values.min()), 1e-9)
    return 0.5 * ranks + 0.5 * (values - values.min()) / span
