"""Which scenarios to replay next: those whose strategies are worth it most."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from preceptor.core.records import Strategy
from preceptor.evaluate.prove.lifts import Lift, beliefs
from preceptor.evaluate.prove.pool import Situation

ROUNDS = 8
"""Rounds of replays, of the same size, each planned with what those before have shown."""
HARM, HELP = -0.15, 0.15
"""Lifts beyond which it matters that a strategy is found out."""
HOPE = 0.3
"""What finding a strategy that helps is worth beside finding one that harms: what helps is used anyway until it is
found, and what harms is used as well."""
FITTING = 4.0
"""Power of the fit: where a strategy fits, it shows what it does."""
_START = 3.0
_LEAST = 0.02


def worth(found: Mapping[str, Lift], settled: Collection[str]) -> dict[str, float]:
    """What one more replay of each strategy is worth: the chance that it does what must not be missed.

    So replays gather, round by round, on those that may still do harm, and leave what has shown itself harmless
    (as in top-two Thompson sampling: Russo 2020, "Simple Bayesian algorithms for best-arm identification").
    """
    chances = {
        name: max(_LEAST, belief.below(HARM) + HOPE * (1 - belief.below(HELP)))
        for name, belief in beliefs(found).items()
    }
    return {name: 0.0 if name in settled else chance for name, chance in chances.items()}


@dataclass(frozen=True, slots=True)
class Task:
    """One replay to come."""

    situation: Situation
    use: int
    """How often the situation was replayed before."""
    strategies: tuple[Strategy, ...]
    """Those that are dealt out, in the order in which the student reads them."""


@dataclass(slots=True)
class Plan:
    """What has been replayed, and what to replay next."""

    situations: Sequence[Situation]
    most: int
    """Strategies in one replay at most."""
    seen: dict[str, int] = field(default_factory=dict[str, int])
    """Strategy id to its replays."""
    uses: dict[int, int] = field(default_factory=dict[int, int])
    """Place of a situation to how often it was replayed."""

    def pick(self, weights: Mapping[str, float], held: Collection[str], count: int) -> list[Task]:
        """The next ``count`` replays; a situation may come more than once.

        Greedy: the situation that adds most over its strategies, each worth its weight times how well it fits
        there, over the replays that it has had; less for situations that were replayed before.

        Args:
            weights: as from :func:`worth`; 1 for what is not in it.
            held: strategies that are tried no more.
        """
        ids = sorted({s.id for x in self.situations for s in x.strategies})
        place = {name: n for n, name in enumerate(ids)}
        fits: NDArray[np.float64] = np.zeros((len(self.situations), len(ids)))
        for row, x in enumerate(self.situations):
            for name, fit in x.fits.items():
                fits[row, place[name]] = 0.0 if name in held else fit**FITTING
        weight = np.array([weights.get(name, 1.0) for name in ids])
        had = np.array([self.seen.get(name, 0) for name in ids], dtype=np.float64)
        used = np.array([self.uses.get(n, 0) for n in range(len(self.situations))], dtype=np.float64)
        tasks: list[Task] = []
        for _ in range(count):
            gains = fits * (weight / (_START + had))
            if gains.shape[1] > self.most:
                gains = -np.partition(-gains, self.most - 1, axis=1)[:, : self.most]
            total = gains.sum(axis=1) / (1 + used)
            best = int(np.argmax(total)) if len(total) else 0
            if not len(total) or total[best] <= 0:
                break
            tasks.append(
                self._task(
                    best, {n: float(fits[best, i] * weight[i] / (_START + had[i])) for n, i in place.items()}
                )
            )
            used[best] += 1
            for strategy in tasks[-1].strategies:
                had[place[strategy.id]] += 1
        return tasks

    def _task(self, number: int, gains: Mapping[str, float]) -> Task:
        situation = self.situations[number]
        wanted = sorted((s for s in situation.strategies if gains[s.id] > 0), key=lambda s: (-gains[s.id], s.id))
        dealt = {s.id for s in wanted[: self.most]}
        for name in dealt:
            self.seen[name] = self.seen.get(name, 0) + 1
        use = self.uses.get(number, 0)
        self.uses[number] = use + 1
        return Task(situation, use, tuple(s for s in situation.strategies if s.id in dealt))
