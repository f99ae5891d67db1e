"""Scores by arm and unit, checked and indexed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from preceptor.core.errors import InputError
from preceptor.evaluate.statistics.intervals import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One score of one arm on one unit."""

    arm: str
    unit: str
    """What the arms share: the same customer and seed. Scores of two arms with the same unit are a pair."""
    cluster: str
    """What makes units hang together: the profile. All of a unit's scores name the same cluster."""
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Scores by arm and unit, checked; several scores of one cell are averaged."""

    arms: tuple[str, ...]
    scores: Mapping[str, Mapping[str, float]]
    """Arm to unit to score."""
    clusters: Mapping[str, str]
    """Unit to cluster."""
    averaged: int
    """Scores beyond the first in their cell."""


def collect(scores: Sequence[Score]) -> Cells:
    """Check and index scores; arms in order of first appearance.

    Raises:
        InputError: no score, a score that is not a finite number, or a unit in two clusters.
    """
    if not scores:
        raise InputError("there are no scores to analyse", hint="give at least one row per arm")
    gathered: dict[str, dict[str, list[float]]] = {}
    clusters: dict[str, str] = {}
    for row in scores:
        where = f"arm '{row.arm}', unit '{row.unit}'"
        if not math.isfinite(row.score):
            raise InputError(
                f"{where}: the score is {row.score}, not a finite number", hint="leave out what was not rated"
            )
        if clusters.setdefault(row.unit, row.cluster) != row.cluster:
            raise InputError(
                f"{where}: cluster is '{row.cluster}', but was '{clusters[row.unit]}' before",
                hint="a unit lies in one cluster",
            )
        gathered.setdefault(row.arm, {}).setdefault(row.unit, []).append(row.score)
    means = {
        arm: {unit: math.fsum(values) / len(values) for unit, values in sorted(cells.items())}
        for arm, cells in gathered.items()
    }
    averaged = len(scores) - sum(len(cells) for cells in means.values())
    return Cells(arms=tuple(means), scores=means, clusters=clusters, averaged=averaged)


def cluster_means(values: Mapping[str, float], clusters: Mapping[str, str]) -> dict[str, float]:
    gathered: dict[str, list[float]] = {}
    for unit, value in values.items():
        gathered.setdefault(clusters[unit], []).append(value)
    return {cluster: math.fsum(got) / len(got) for cluster, got in sorted(gathered.items())}


def by_cluster(values: Mapping[str, float], clusters: Mapping[str, str]) -> tuple[Floats, Floats]:
    """Sum and count per cluster, clusters in sorted order."""
    gathered: dict[str, list[float]] = {}
    for unit in sorted(values):
        gathered.setdefault(clusters[unit], []).append(values[unit])
    groups = [gathered[c] for c in sorted(gathered)]
    return np.array([math.fsum(g) for g in groups]), np.array([float(len(g)) for g in groups])
