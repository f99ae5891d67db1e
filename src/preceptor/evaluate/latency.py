"""How long customers wait: seconds a reply, by arm, from live calls alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from preceptor.core.events import Event, Spent
from preceptor.evaluate.arms import CEILING, phase_of
from preceptor.evaluate.summary import Table

PRACTICE = (
    "Practice models answer inside this process: these times tell of this machine and of how much went on at once, "
    "and nothing of a language model."
)
SHARED = (
    "From asking the model to its whole answer, without waiting for a turn; answers from the journal are not in "
    "it. Calls under way at once slow each other: run.concurrency = 1 measures what one customer waits."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds that the model in the agent's seat took for one reply, over the live calls of one arm."""

    arm: str
    replies: int
    mean: float
    median: float
    slow: float
    """95% of the replies took no longer."""


def latency(events: Iterable[Event], arms: Sequence[str]) -> tuple[Latency, ...]:
    """By arm, in their order; arms with no live call (all were replayed) are left out.

    The teacher's seat is timed in its own arm, the student's in every other. Choosing the advice is not in it: it
    takes milliseconds (docs/coaching.md).
    """
    taken: dict[tuple[str, str], list[float]] = {}
    for event in events:
        if isinstance(event, Spent) and event.seconds is not None:
            taken.setdefault((event.phase, event.seat), []).append(event.seconds)
    found: list[Latency] = []
    for arm in arms:
        mine = taken.get((phase_of(arm), "teacher" if arm == CEILING else "student"), [])
        if mine:
            mean, median, slow = float(np.mean(mine)), float(np.median(mine)), float(np.quantile(mine, 0.95))
            found.append(Latency(arm=arm, replies=len(mine), mean=mean, median=median, slow=slow))
    return tuple(found)


def table(found: Sequence[Latency]) -> Table:
    """A row an arm."""
    rows = tuple((x.arm, spell(x.median), spell(x.mean), spell(x.slow), str(x.replies)) for x in found)
    columns = ("arm", "median", "mean", "95% within", "live replies")
    return Table(title="Seconds a reply", columns=columns, rows=rows)


def notes(*, simulated: bool) -> tuple[str, ...]:
    """What the times mean."""
    return (PRACTICE, SHARED) if simulated else (SHARED,)


def spell(seconds: float) -> str:
    """``1.25 s``; milliseconds below a tenth."""
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.1f} ms"
