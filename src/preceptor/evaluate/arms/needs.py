"""What an arm needs of what was learned: told before a run is made, and again when the arm is opened."""

from __future__ import annotations

from preceptor.coach import Coach
from preceptor.core.errors import ConfigError
from preceptor.evaluate.arms.arm import Learned


def require(name: str, coach: Coach | None, learned: Learned) -> None:
    """Nothing where the arm ``name`` can be opened.

    Raises:
        ConfigError: it lacks strategies or lessons.
    """
    has = {
        "coached": coach is not None and len(coach) > 0,
        "random": coach is not None and bool(learned.strategies),
        "all": bool(learned.strategies),
        "examples": any(lesson.teacher_reply.strip() for lesson in learned.lessons),
    }
    if not has.get(name, True):
        what = "lessons" if name == "examples" else "strategies"
        raise ConfigError(
            f"the arm '{name}' needs {what} and there are none",
            hint=f"learn some with: preceptor learn; or leave '{name}' out of evaluate.arms",
        )
