"""Small values for the library's tests."""

# pyright: reportArgumentType=false

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from preceptor.core.clock import Clock
from preceptor.core.records import Attempt, Comparison, Finding, Lesson, Scenario, Strategy, Turn
from preceptor.library.changes import (
    Approve,
    Change,
    Edit,
    Evidence,
    Flag,
    Merge,
    Propose,
    Provenance,
    RecordLesson,
    RecordScenario,
    Screen,
)
from preceptor.library.store import Library

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def ticking(start: datetime = NOON, step: timedelta = timedelta(seconds=1)) -> Clock:
    """A clock that moves by ``step`` at each look."""
    looks = iter(range(10**9))
    return lambda: start + step * next(looks)


def strategy(n: int, **fields: Any) -> Strategy:
    values: dict[str, Any] = {
        "id": f"strategy-{n:04}",
        "when": f"the customer asks for refund {n}",
        "do": "name the next step",
        "scenarios": (f"scenario-{n}",),
        **fields,
    }
    return Strategy(**values)


def provenance(n: int = 0, **fields: Any) -> Provenance:
    values: dict[str, Any] = {
        "run": "learn-001",
        "stage": 1,
        "scenarios": (f"scenario-{n}",),
        "attempt": 2,
        "prompts": (("teach", "abc"),),
        "models": (("student", "practice:x"),),
        **fields,
    }
    return Provenance(**values)


def propose(n: int, **fields: Any) -> Propose:
    """Strategy ``n``; ``findings``, ``lesson_id`` and ``provenance`` as given, other fields are the strategy's."""
    names = ("findings", "lesson_id", "provenance")
    own: dict[str, Any] = {name: fields.pop(name) for name in names if name in fields}
    values: dict[str, Any] = {"strategy": strategy(n, **fields), "provenance": provenance(n), **own}
    return Propose(**values)


def finding(severity: str = "blocking", check: str = "private") -> Finding:
    return Finding(check=check, severity=severity, field="do", quote="Ann", reason="a name")  # type: ignore[arg-type]


def scenario(n: int, **fields: Any) -> Scenario:
    values: dict[str, Any] = {
        "turns": (Turn(speaker="customer", text=f"Where is bag {n}?"),),
        "profile": "p1",
        "stage": 1,
    }
    return Scenario(**{"id": f"scenario-{n}", **values, **fields})


def lesson(n: int, reply: str = "Sorry.", **fields: Any) -> Lesson:
    comparison = Comparison(verdict="worse", axes=(("accuracy", -0.5),), reason="no next step", orders=1)
    attempt = Attempt(number=1, strategies=(strategy(n),), reply=reply, comparison=comparison)
    values: dict[str, Any] = {
        "id": f"lesson-{n}",
        "scenario": scenario(n),
        "teacher_reply": "I will look.",
        "attempts": (attempt,),
        "kept": 1,
        "outcome": "taught",
        **fields,
    }
    return Lesson(**values)


def record(n: int, run: str = "learn-001", **fields: Any) -> RecordLesson:
    return RecordLesson(lesson=lesson(n, **fields), run=run, stage=1)


def evidence(n: int, verdict: str = "helpful") -> Evidence:
    return Evidence(
        strategy_id=f"strategy-{n:04}",
        verdict=verdict,  # type: ignore[arg-type]
        lift=0.25,
        interval=(0.1, 0.4),
        n=48,
        run="evaluate-001",
    )


def one_of_each() -> tuple[Change, ...]:
    """Changes that leave a row in every table and an entry in most conditions."""
    return (
        record(1),
        RecordScenario(scenario=scenario(90)),
        record(2),
        propose(1, lesson_id="lesson-1"),
        propose(2, lesson_id="lesson-2"),
        propose(3, findings=(finding("warning"),)),
        Flag(strategy_ids=("strategy-0001", "strategy-0003"), note="opposite orders"),
        Screen(strategy_id="strategy-0001", findings=(finding("info"),)),
        Merge(into=strategy(9), of=("strategy-0002", "strategy-0003"), reason="same"),
        Approve(strategy_id="strategy-0009"),
        evidence(9),
        Edit(strategy_id="strategy-0001", do="name the next step and when"),
    )


MARK = "postgres.url"
"""File in a test's folder that tells the database which stands for ``library.db``."""


def place(folder: Path) -> str | Path:
    """Where the library of a test's folder stands: a file, or a URL where the fixture ``both`` says so."""
    mark = folder / MARK
    return mark.read_text() if mark.exists() else folder / "library.db"


@contextmanager
def library(folder: Path, *changes: Change) -> Generator[Library]:
    """A new library in ``folder`` with ``changes`` applied as one batch."""
    with Library.open(place(folder), clock=ticking(), create=True) as made:
        if changes:
            apply(made, *changes)
        yield made


def apply(to: Library, *changes: Change, **named: Any) -> tuple[int, ...]:
    told: dict[str, Any] = {"author": "ann", "reason": "stage 1", **named}
    return to.apply(changes, **told)
