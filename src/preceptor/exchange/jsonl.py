"""Our own full form: one JSON object a line. A header, then scenarios, lessons and strategies.

Import takes words, scope, scenarios, lessons and provenance over. Status, version, evidence and findings are
for readers: who imports decides, measures and screens anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from preceptor.core.ids import plain
from preceptor.core.records import Finding, Lesson, Scenario, Status, Strategy
from preceptor.exchange.contents import Contents
from preceptor.library.changes import Provenance
from preceptor.library.entry import Measured
from preceptor.library.release import canonical_text

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The first line."""

    kind: str
    """``preceptor-export``."""
    format: int
    domain: str = ""
    source: str = ""
    trial: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioLine:
    """A scenario that no lesson in the file is about."""

    kind: str
    scenario: Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonLine:
    """A lesson with its scenario and whole trail."""

    kind: str
    lesson: Lesson
    run: str = ""
    stage: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyLine:
    """A strategy and what was known of it where it was written."""

    kind: str
    strategy: Strategy
    version: int = 1
    status: Status = "proposed"
    lesson_id: str | None = None
    evidence: Measured | None = None
    findings: tuple[Finding, ...] = ()
    provenance: tuple[Provenance, ...] = ()


HEADER, SCENARIO, LESSON, STRATEGY = "preceptor-export", "scenario", "lesson", "strategy"


def export_lines(contents: Contents) -> Iterator[str]:
    """The lines, without line ends: each what a strategy needs stands before it."""
    yield _line(
        Header(kind=HEADER, format=FORMAT, domain=contents.domain, source=contents.source, trial=contents.trial)
    )
    taught = {t.lesson.scenario.id for t in contents.lessons}
    for scenario in contents.scenarios.values():
        if scenario.id not in taught:
            yield _line(ScenarioLine(kind=SCENARIO, scenario=scenario))
    for one in contents.lessons:
        yield _line(LessonLine(kind=LESSON, lesson=one.lesson, run=one.run, stage=one.stage))
    for item in contents.items:
        told: dict[str, Any] = {"kind": STRATEGY, **plain(item)}
        yield _line(told)


def _line(value: object) -> str:
    text = canonical_text(value)
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\x85", "\\u0085")
