"""The student with the coach's advice, as it is served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from preceptor.core.errors import ConfigError
from preceptor.core.records import Turn
from preceptor.evaluate.arms.arm import Arm, Ground, seat_arm


async def open_coached(ground: Ground) -> Arm:
    """The student, with the strategies that fit the conversation put after the customer's last message.

    Raises:
        ConfigError: there are no strategies to coach with.
    """
    if ground.coach is None or len(ground.coach) == 0:
        raise ConfigError(
            "the arm 'coached' needs strategies and there are none",
            hint="run 'preceptor learn' first, or leave 'coached' out of evaluate.arms",
        )
    coach = ground.coach

    def advised(turns: Sequence[Turn]) -> tuple[str, ...]:
        return tuple(c.strategy.id for c in coach.advise(turns).chosen)

    arm = seat_arm("coached", ground.seats.student, ground, coaching=coach.prepare, waits=coach.waits)
    return replace(arm, advised=advised)
