"""The teacher in the student's place: how far there is to go."""

from __future__ import annotations

from preceptor.evaluate.arms.arm import Arm, Ground, seat_arm


async def open_teacher(ground: Ground) -> Arm:
    """The ceiling: the same brief and policy, no advice."""
    return seat_arm("teacher", ground.seats.teacher, ground)
