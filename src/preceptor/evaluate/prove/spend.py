"""Which scenarios to replay next: those whose strategies are worth it most."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from preceptor.core.records import Strategy
from preceptor.evaluate.prove.lifts import Lift
from preceptor.evaluate.prove.pool import Situation

SHARES = (0.3, 0.2, 0.2, 0.15, 0.15)
"""Share of the replays before each look."""
CLEAR = 3.5
"""Lift over its error from which a verdict is likely, among some hundred strategies and five looks."""
SUSPECT, HOPEFUL, FAINT = 4.0, 1.0, 0.25
"""What replays of a strategy are worth that may do harm, that may help, and that shows next to nothing."""
FITTING = 4.0
"""Power of the fit: where a strategy fits, it shows what it does."""
_START = 3.0


def worth(found: Mapping[str, Lift], verdicts: Mapping[str, str], further: float) -> dict[str, float]:
    """What one more replay of each strategy is worth: nothing once settled, little where nothing is to be found.

    Harm comes first: what helps a little is served anyway, what harms is served until it is found out.

    Args:
        further: replays per unsettled strategy that are still to come, on average.
    """
    weights: dict[str, float] = {}
    for name, lift in found.items():
        if verdicts.get(name, "unproven") != "unproven":
            weights[name] = 0.0
            continue
        z = lift.value / lift.error
        # One standard error of luck is allowed for: the lift may be further from 0 than it looks.
        needed = lift.n * ((CLEAR / (abs(z) + 1)) ** 2 - 1)
        if needed > 4 * further:
            weights[name] = FAINT
        else:
            weights[name] = SUSPECT if z < 0 else HOPEFUL
    return weights


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
        weight = np.array([weights.get(name, HOPEFUL) for name in ids])
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
