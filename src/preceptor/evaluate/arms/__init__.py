"""What is compared. An arm is one small file: who speaks as the agent, and what that needs beforehand.

To add one: write ``arms/<name>.py`` with an ``async def open_<name>(ground) -> Arm`` and list it in ``ARMS``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from preceptor.core.errors import ConfigError
from preceptor.evaluate.arms.arm import Arm, Ground, Learned, OpenArm, phase_of
from preceptor.evaluate.arms.chance import open_random
from preceptor.evaluate.arms.coached import open_coached
from preceptor.evaluate.arms.examples import open_examples
from preceptor.evaluate.arms.static import open_all, open_file, open_guide
from preceptor.evaluate.arms.student import open_student
from preceptor.evaluate.arms.teacher import open_teacher

ARMS: Mapping[str, OpenArm] = MappingProxyType(
    {
        "student": open_student,
        "coached": open_coached,
        "guide": open_guide,
        "all": open_all,
        "random": open_random,
        "examples": open_examples,
        "teacher": open_teacher,
    }
)
"""Arm name to what opens it, in the order in which reports list them."""

BASELINE = "student"
"""The arm that the others are compared with, where it takes part; else the first one named."""

CEILING = "teacher"
"""The arm whose lead over the baseline is the gap to close."""


_FILE_ARM = re.compile(r"[a-z][a-z0-9_-]{0,39}")


async def open_arm(name: str, ground: Ground) -> Arm:
    """The arm ``name``, ready to speak.

    Raises:
        ConfigError: there is no such arm, or the ground lacks what it needs.
        RunError: what the arm has a model prepare could not be had.
    """
    if name in ground.files:
        return await open_file(name, ground)
    if name not in ARMS:
        raise ConfigError(f"there is no arm '{name}'", hint=f"arms are: {', '.join((*ARMS, *ground.files))}")
    return await ARMS[name](ground)


def check_file_arm(name: str) -> None:
    """ConfigError where a file's arm cannot be called ``name``."""
    if name in ARMS or not _FILE_ARM.fullmatch(name):
        raise ConfigError(
            f"an arm from a file cannot be called '{name[:60]}'",
            hint=f"small letters, digits, - and _, and none of: {', '.join(ARMS)}",
        )


__all__ = [
    "ARMS",
    "BASELINE",
    "CEILING",
    "Arm",
    "Ground",
    "Learned",
    "OpenArm",
    "check_file_arm",
    "open_arm",
    "phase_of",
]
