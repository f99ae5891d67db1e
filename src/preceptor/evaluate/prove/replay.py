"""One replay: a scenario answered twice, the strategies that fit dealt out between the two answers."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from preceptor.coach import with_block
from preceptor.core.errors import ModelError
from preceptor.core.events import ItemDone, ItemFailed
from preceptor.core.ids import derive_seed
from preceptor.core.records import Scenario, Strategy, Turn
from preceptor.core.untrusted import one_line
from preceptor.dialogue import Agent, Coaching
from preceptor.evaluate.prove.ground import PHASE, Ground
from preceptor.judge import Pair, prefer_reply

A_REPLAY = 3
"""Calls of a replay: two replies, compared in one order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What one replay showed."""

    scenario: str
    cluster: str
    """The profile, or the log's conversation: replays of one customer are not independent."""
    signs: Mapping[str, int]
    """Strategy id to the side that had it: 1 the first answer, -1 the second. A fair coin each."""
    value: float | None
    """How far the first answer is preferred to the second, -1 to 1; None where a model failed."""
    calls: int = 0
    replies: tuple[str, str] = ("", "")
    failure: str = ""


async def replay(ground: Ground, scenario: Scenario, use: int, strategies: Sequence[Strategy]) -> Replay:
    """The scenario for the ``use``-th time, with these strategies dealt out. A model's failure is recorded.

    Raises:
        PreceptorError: what ends a run.
    """
    seed = derive_seed(ground.settings.seed, PHASE, "replay", scenario.id, use)
    coins = random.Random(derive_seed(seed, "coins"))
    signs = {s.id: coins.choice((1, -1)) for s in strategies}
    item = f"{scenario.id}/{use}"
    agent = Agent(ground.seats.student, ground.domain, ground.prompts)
    try:
        first, second = [
            await agent.reply(
                scenario.turns,
                seed=derive_seed(seed, "reply"),
                phase=PHASE,
                item=item,
                coaching=_placing(ground, [s for s in strategies if signs[s.id] == side]),
            )
            for side in (1, -1)
        ]
        value, judged = await prefer_reply(
            ground.seats.judge,
            ground.prompts,
            Pair(policy=ground.domain.policy, turns=scenario.turns, candidate=first, reference=second),
            swapped=coins.random() < 0.5,
            seed=derive_seed(seed, "judge"),
            phase=PHASE,
            item=item,
        )
    except ModelError as error:
        if error.ends_run:
            raise
        ground.emit(ItemFailed(kind="replay", id=item, failure=error.kind, reason=str(error)))
        failure = one_line(f"{error.kind}: {error}", 300)
        return Replay(
            scenario=scenario.id, cluster=scenario.profile, signs=signs, value=None, calls=A_REPLAY, failure=failure
        )
    ground.emit(ItemDone(kind="replay", id=item, detail=f"{value:+g}"))
    return Replay(
        scenario=scenario.id,
        cluster=scenario.profile,
        signs=signs,
        value=value,
        calls=2 + judged,
        replies=(first, second),
    )


def _placing(ground: Ground, strategies: Sequence[Strategy]) -> Coaching:
    block = ground.coach.block(strategies)

    def coaching(messages: list[dict[str, str]], turns: Sequence[Turn]) -> list[dict[str, str]]:
        del turns
        return with_block(messages, block)

    return coaching
