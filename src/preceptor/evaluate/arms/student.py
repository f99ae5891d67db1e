"""The student as it comes: brief and policy, no advice."""

from __future__ import annotations

from preceptor.evaluate.arms.arm import Arm, Ground, seat_arm


async def open_student(ground: Ground) -> Arm:
    """The baseline of every comparison."""
    return seat_arm("student", ground.seats.student, ground)
