"""What is compared. An arm is one small file: who speaks as the agent, and what that needs beforehand.

To add one: write ``arms/<name>.py`` with an ``async def open_<name>(ground) -> Arm`` and list it in ``ARMS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from preceptor.core.errors import ConfigError
from preceptor.evaluate.arms.arm import Arm, Ground, OpenArm, phase_of
from preceptor.evaluate.arms.coached import open_coached
from preceptor.evaluate.arms.student import open_student
from preceptor.evaluate.arms.teacher import open_teacher

ARMS: Mapping[str, OpenArm] = MappingProxyType(
    {"student": open_student, "coached": open_coached, "teacher": open_teacher}
)
"""Arm name to what opens it, in the order in which reports list them."""

BASELINE = "student"
"""The arm that the others are compared with, where it takes part; else the first one named."""

CEILING = "teacher"
"""The arm whose lead over the baseline is the gap to close."""


async def open_arm(name: str, ground: Ground) -> Arm:
    """The arm ``name``, ready to speak.

    Raises:
        ConfigError: there is no such arm, or the ground lacks what it needs.
        ModelError: what the arm has a model prepare could not be had.
    """
    if name not in ARMS:
        raise ConfigError(f"there is no arm '{name}'", hint=f"arms are: {', '.join(ARMS)}")
    return await ARMS[name](ground)


__all__ = ["ARMS", "BASELINE", "CEILING", "Arm", "Ground", "OpenArm", "open_arm", "phase_of"]
