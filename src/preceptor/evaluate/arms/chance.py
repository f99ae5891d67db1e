"""The student with strategies drawn by chance: does what the advice says help, or only that there is some?"""

from __future__ import annotations

import random
from collections.abc import Sequence

from preceptor.coach.messages import with_block
from preceptor.core.ids import derive_seed
from preceptor.core.records import Turn
from preceptor.evaluate.arms.arm import Arm, Ground, seat_arm
from preceptor.evaluate.arms.needs import require


async def open_random(ground: Ground) -> Arm:
    """At every turn as many strategies as the coach would give, drawn from all by seed and conversation, in the
    coach's own frame.

    Raises:
        ConfigError: there are no strategies.
    """
    coach, strategies = ground.coach, sorted(ground.learned.strategies, key=lambda s: s.id)
    require("random", ground.coach, ground.learned)
    assert coach is not None

    def coaching(messages: list[dict[str, str]], turns: Sequence[Turn]) -> list[dict[str, str]]:
        count = len(coach.advise(turns).chosen)
        draw = random.Random(derive_seed(ground.seed, "random-arm", *(t.text for t in turns)))
        drawn = draw.sample(strategies, min(count, len(strategies)))
        return with_block(messages, coach.block(drawn))

    return seat_arm("random", ground.seats.student, ground, coaching, waits=coach.waits)
