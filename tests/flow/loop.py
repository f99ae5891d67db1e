"""The whole loop at a small size on practice models, for flow tests: with a hand on every model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from preceptor.coach import CoachSettings
from preceptor.core.clock import fixed_clock
from preceptor.core.errors import RunError
from preceptor.core.events import Emit, Event, ItemFailed, ignore
from preceptor.core.settings import BudgetConfig, LearnConfig, SeatsConfig
from preceptor.learn import Context, Learned, learn
from preceptor.library.store import Library
from preceptor.llm import ChatModel, Ledger, NullJournal, Timing, open_seats
from preceptor.practice import open_practice, shipped_world
from preceptor.prompts import load_prompts

CLOCK = fixed_clock(datetime(2026, 1, 1, tzinfo=UTC))
SMALL = LearnConfig(teacher_share=(1.0, 0.3), dialogues=3, scenarios=4, attempts=2, max_turns=3)


class MemoryNotes:
    """A run's results, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def has_result(self, name: str) -> bool:
        return name in self.kept

    def read_result(self, name: str) -> Any:
        if name not in self.kept:
            raise RunError(name)
        return self.kept[name]

    def write_result(self, name: str, data: Any) -> None:
        self.kept[name] = data


@dataclass
class Ran:
    """What came of a run of the loop."""

    learned: Learned
    digest: str
    dump: str
    rules: tuple[str, ...]
    """The ``do`` of every strategy in the library."""
    failures: list[ItemFailed] = field(default_factory=list)


opened = cache(open_practice)
"""Practice models hold no state, so one of each serves all tests."""

Wrap = Callable[[str, ChatModel], ChatModel]


class NoWaiting:
    """Sleeps that take no time, on a clock that goes on by them."""

    def __init__(self) -> None:
        self.clock = 0.0

    async def sleep(self, seconds: float) -> None:
        self.clock += seconds
        await asyncio.sleep(0)

    def now(self) -> float:
        return self.clock


@asynccontextmanager
async def seats_over(wrap: Wrap, emit: Callable[[Event], None], config: SeatsConfig | None = None):
    """The four practice seats (or others by ``config``), each practice model wrapped by ``wrap(name, model)``."""
    idle = NoWaiting()
    async with open_seats(
        config or SeatsConfig(),
        environ={},
        factories={"practice": lambda name: wrap(name, opened(name))},
        journal=NullJournal(),
        ledger=Ledger(BudgetConfig()),
        emit=emit,
        timing=Timing(sleep=idle.sleep, now=idle.now),
    ) as seats:
        yield seats


async def run_loop(
    folder: Path,
    *,
    wrap: Wrap = lambda name, model: model,
    settings: LearnConfig = SMALL,
    concurrency: int = 8,
    changes: Mapping[str, Any] | None = None,
    seats_config: SeatsConfig | None = None,
    listen: Emit = ignore,
) -> Ran:
    """Learns on the practice airline into a library in ``folder``."""
    failures: list[ItemFailed] = []

    def emit(event: Event) -> None:
        if isinstance(event, ItemFailed):
            failures.append(event)
        listen(event)

    async with seats_over(wrap, emit, seats_config) as seats:
        context = Context(
            run="learn-001",
            domain=shipped_world("airline").domain(),
            seats=seats,
            prompts=load_prompts(),
            settings=settings.model_copy(update=dict(changes or {})),
            coach=CoachSettings(),
            concurrency=concurrency,
            emit=emit,
        )
        with Library.open(folder / "library.db", clock=CLOCK, create=True) as library:
            learned = await learn(context, library, MemoryNotes())
            return Ran(
                learned=learned,
                digest=library.digest(),
                dump="\n".join(library.dump()),
                rules=tuple(e.strategy.do for e in library.entries()),
                failures=failures,
            )
