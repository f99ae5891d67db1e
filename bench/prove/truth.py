"""What strategies really do on a practice world, by brute force: far more customers and replies than proving has.

No judge is asked: the worth of a reply is the world's own rule (``preceptor.practice.physics``), and what a student
would say is drawn from its mind without the words around it, so that it can be drawn a thousand times.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from preceptor.coach import Coach
from preceptor.core.ids import derive_seed
from preceptor.core.records import Strategy
from preceptor.dialogue.messages import as_chat, for_agent
from preceptor.evaluate.prove import Ground
from preceptor.evaluate.prove.pool import Situation, fill_pool, situations
from preceptor.practice import shipped_world
from preceptor.practice.agent import choose
from preceptor.practice.guidance import understand
from preceptor.practice.mind import Mind
from preceptor.practice.physics import as_profile, quality
from preceptor.practice.reading import hear
from preceptor.practice.skills import SKILLS

WHERE = 48
"""Scenarios in which a strategy is tried: of about three times as many as proving has, those that it fits best."""
CONTEXTS = 6
"""Random halves of the advice beside which it is tried in each."""
DRAWS = 4
"""Replies with it and as many without beside each."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a strategy does to the worth of a reply, 1 being all that could be wished."""

    value: float
    error: float
    """Standard error, clustered by customer."""


def true_effects(ground: Ground, *, world: str, student: str, sound: Collection[str]) -> dict[str, Effect]:
    """The effect of every strategy when it is added to a random half of what the ``sound`` ones would advise.

    Customers are all the held-out ones, twice, whom proving never meets.
    """
    turned = tuple(replace(p, heldout=not p.heldout) for p in ground.domain.profiles)
    many = 2 * sum(p.heldout for p in ground.domain.profiles)
    settings = ground.settings.model_copy(update={"dialogues": many, "seed": ground.settings.seed + 5000})
    other = replace(ground, domain=replace(ground.domain, profiles=turned), settings=settings)
    pool = asyncio.run(fill_pool(other))
    fresh = [s.scenario for s in pool.situations if s.scenario.id not in ground.scenarios]
    learned = [s for s in ground.strategies if s.id in sound]
    coach = Coach(learned, ground.scenarios, ground.coach.settings)
    draw = _Draw(ground, coach, Mind(shipped_world(world)), student)
    found: dict[str, list[tuple[str, float]]] = {s.id: [] for s in ground.strategies}
    for situation in situations(ground, fresh, WHERE, elsewhere=1.0):
        for name, gain in draw.gains(situation).items():
            found[name].append((situation.scenario.profile, gain))
    return {name: _effect(rows) for name, rows in found.items() if rows}


class _Draw:
    """Draws replies in one situation."""

    def __init__(self, ground: Ground, coach: Coach, mind: Mind, student: str) -> None:
        self._coach, self._mind, self._skill = coach, mind, SKILLS[student]
        self._profiles = {p.id: p for p in ground.domain.profiles}
        self._seed = ground.settings.seed
        prompt = ground.prompts["agent"]
        self._system = prompt.render(brief=ground.domain.brief.strip(), policy=ground.domain.policy.strip())

    def gains(self, situation: Situation) -> dict[str, float]:
        """Per strategy that fits: mean worth of replies with it, less that of replies without."""
        scenario = situation.scenario
        served = [c.strategy for c in self._coach.advise(scenario.turns).chosen]
        coins = random.Random(derive_seed(self._seed, "halves", scenario.id))
        halves = [[s for s in served if coins.random() < 0.5] for _ in range(CONTEXTS)]
        heard = hear(self._mind, as_chat(for_agent(self._system, scenario.turns)))
        read = self._mind.state(heard.turns)
        state = as_profile(self._mind.state(scenario.turns), self._profiles[scenario.profile])
        frame = understand(self._mind, heard.guidance)

        def worth(told: Sequence[Strategy]) -> float:
            guides = [*frame, *understand(self._mind, self._coach.block(told))]
            rng = random.Random(derive_seed(self._seed, "truth", scenario.id, [s.id for s in told]))
            said = (choose(self._mind, self._skill, read, guides, rng) for _ in range(DRAWS))
            return sum(quality(self._mind, state, moves).score for moves in said) / DRAWS

        without = [worth(half) for half in halves]
        found: dict[str, float] = {}
        for strategy in situation.strategies:
            gains = [
                worth([strategy, *half]) - bare
                for half, bare in zip(halves, without, strict=True)
                if strategy not in half
            ]
            if gains:
                found[strategy.id] = sum(gains) / len(gains)
        return found


def _effect(rows: Sequence[tuple[str, float]]) -> Effect:
    customers: dict[str, list[float]] = {}
    for customer, gain in rows:
        customers.setdefault(customer, []).append(gain)
    mean = float(np.mean([gain for _, gain in rows]))
    off = [sum(g - mean for g in gains) for gains in customers.values()]
    spare = len(off) / (len(off) - 1) if len(off) > 1 else 1.0
    return Effect(mean, float(np.sqrt(spare * np.sum(np.square(off)))) / len(rows))
