"""Adding customers until the difference is known well enough, or the budget ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from preceptor.core.errors import BudgetError
from preceptor.core.events import PhaseStarted
from preceptor.core.ids import derive_seed
from preceptor.core.records import Profile
from preceptor.evaluate.arms import Arm
from preceptor.evaluate.dialogues import Stage, Task, play_all, task
from preceptor.evaluate.figures import satisfaction_of
from preceptor.evaluate.found import Look, Stopping
from preceptor.evaluate.result import Item
from preceptor.evaluate.statistics.sequential import METHOD, confidence_sequence

BATCH = 16
"""Customers between two looks."""
_RANGE = 4.0
"""Satisfaction runs from 1 to 5, so that no difference is larger."""


async def until_precise(
    stage: Stage, arms: Sequence[Arm], profiles: Sequence[Profile], *, compared: tuple[str, str], target: float
) -> tuple[list[Item], Stopping]:
    """Dialogues of all arms with customers drawn from ``profiles`` with replacement, each met with a new seed.

    After every batch the confidence sequence of the paired difference of ``compared`` (arm, baseline) is looked
    at; it ends when its half-width is at most ``target``, when ``stage.settings.most`` customers were met, or when
    a cap lets no further batch come through. It holds at all times together, so that no look makes it wrong.
    Drawn with replacement, the differences are independent, and their mean is that over these profiles.

    Raises:
        BudgetError: not even the first batch came through.
        PreceptorError: what else ends a run.
    """
    arm, baseline = compared
    items: list[Item] = []
    looks: list[Look] = []
    met: Counter[str] = Counter()
    count, ended = 0, "most"
    while count < stage.settings.most:
        size = min(BATCH, stage.settings.most - count)
        stage.emit(PhaseStarted(name="evaluate", stage=0, total=size * len(arms), kind="dialogue"))
        drawn = [_drawn(profiles, stage.settings.seed, count + n) for n in range(size)]
        tasks: list[Task] = []
        for profile in drawn:
            tasks += [task(a, profile, met[profile.id], stage.settings) for a in arms]
            met[profile.id] += 1
        try:
            items += await play_all(stage, tasks)
        except BudgetError:
            if not looks:
                raise
            ended = "budget"
            break
        count += size
        found = _look(items, arm, baseline, target)
        if found is not None:
            looks.append(found)
            if (found.high - found.low) / 2 <= target:
                ended = "precise"
                break
    stopping = Stopping(
        arm=arm,
        baseline=baseline,
        target=target,
        method=METHOD,
        looks=tuple(looks),
        ended=ended,
        lost=count - (looks[-1].n if looks else 0),
    )
    ordered = [i for a in arms for i in items if i.arm == a.name]
    return ordered, stopping


def _drawn(profiles: Sequence[Profile], seed: int, number: int) -> Profile:
    return profiles[derive_seed(seed, "draw", number) % len(profiles)]


def _look(items: Sequence[Item], arm: str, baseline: str, target: float) -> Look | None:
    scores: dict[str, dict[str, float]] = {}
    for item in items:
        value = satisfaction_of(item)
        if value is not None:
            scores.setdefault(item.unit, {})[item.arm] = value
    values = [s[arm] - s[baseline] for s in scores.values() if arm in s and baseline in s]
    if not values:
        return None
    last = confidence_sequence(values, low=-_RANGE, high=_RANGE, target=target)[-1]
    return Look(n=last.n, mean=last.mean, low=last.low, high=last.high)
