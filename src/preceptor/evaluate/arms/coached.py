"""The student with the coach's advice, as it is served."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from preceptor.core.records import Turn
from preceptor.evaluate.arms.arm import Arm, Ground, seat_arm
from preceptor.evaluate.arms.needs import require


async def open_coached(ground: Ground) -> Arm:
    """The student, with the strategies that fit the conversation put after the customer's last message.

    Raises:
        ConfigError: there are no strategies to coach with.
    """
    require("coached", ground.coach, ground.learned)
    coach = ground.coach
    assert coach is not None

    def advised(turns: Sequence[Turn]) -> tuple[str, ...]:
        return tuple(c.strategy.id for c in coach.advise(turns).chosen)

    arm = seat_arm("coached", ground.seats.student, ground, coaching=coach.prepare, waits=coach.waits)
    return replace(arm, advised=advised)
