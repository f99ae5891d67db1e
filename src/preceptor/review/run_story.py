"""What a run came to, once it is told: its lessons by stage, its scenarios on a map, how the tries went."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast

from preceptor.library.entry import LessonRow
from preceptor.library.store import Library
from preceptor.review.progress import Progress, progress_of
from preceptor.review.scenario_map import project
from preceptor.runs.run import Run

OUTCOMES = (
    ("taught", "taught"),
    ("improved", "improved"),
    ("already_good", "already good"),
    ("not_taught", "not taught"),
)
"""Outcomes of lessons with their words, best first."""
_MOST_POINTS = 2000
_MOST_TRAILS = 400
_MOST_KEPT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a stage's bar; ``start`` and ``wide`` are percent."""

    outcome: str
    name: str
    many: int
    start: float
    wide: float


def story(library: Library, run: str) -> dict[str, Any]:
    """The scenarios on a plane with their outcomes, and how the attempts went."""
    lessons = library.lessons(run)
    outcome = {row.scenario: row.outcome for row in lessons}
    by_lesson = library.strategies_by_lesson(run)
    by_scenario = {row.scenario: by_lesson[row.id] for row in lessons if row.id in by_lesson}
    shown = [row.scenario for row in _spread(lessons, _MOST_POINTS)]
    points = [
        (point, outcome[point.scenario.id], by_scenario.get(point.scenario.id, ""))
        for point in project(library.scenarios(shown))
    ]
    verdicts: dict[int, Counter[str]] = {}
    trails = _spread(lessons, _MOST_TRAILS)
    for row in trails:
        for attempt in library.lesson(row.id).attempts:
            verdicts.setdefault(attempt.number, Counter())[attempt.comparison.verdict] += 1
    tries = [(n, counts, sum(counts.values())) for n, counts in sorted(verdicts.items())]
    return {
        "points": points,
        "tries": tries,
        "lessons": len(lessons),
        "totals": Counter(row.outcome for row in lessons),
        "stages": by_stage(lessons),
        "left_out": len(lessons) - len(trails),
    }


class Stories:
    """Of runs that have ended, what was last asked for is kept: it does not change. Safe to share."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = Lock()
        self._kept: OrderedDict[tuple[str, str | None], tuple[Progress, dict[str, Any]]] = OrderedDict()

    def of(self, run: Run) -> tuple[Progress, dict[str, Any]]:
        """The run in numbers, and its story; an empty one where nothing was learned in it."""
        key = run.id, run.info.ended
        with self._lock:
            known = self._kept.get(key)
        if known is not None:
            return known
        told = progress_of(run)
        found = told, (story(self._library, run.id) if run.info.job == "learn" else _nothing())
        if run.info.status != "running" and told.status != "running":
            with self._lock:
                self._kept[key] = found
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return found


def _nothing() -> dict[str, Any]:
    totals = Counter[str]()
    return {"points": [], "tries": [], "lessons": 0, "left_out": 0, "stages": [], "totals": totals}


def _spread(rows: Sequence[LessonRow], most: int) -> Sequence[LessonRow]:
    """At most so many, evenly from all."""
    return rows[:: max(1, -(-len(rows) // most))]


def by_stage(lessons: Sequence[LessonRow]) -> list[tuple[int, list[Part], int]]:
    """Each stage with the parts of its bar and its number of lessons."""
    counts: dict[int, Counter[str]] = {}
    for row in lessons:
        counts.setdefault(row.stage, Counter())[row.outcome] += 1
    told: list[tuple[int, list[Part], int]] = []
    for stage, of_stage in sorted(counts.items()):
        total, start, parts = sum(of_stage.values()), 0.0, list[Part]()
        for outcome, name in OUTCOMES:
            if many := of_stage[outcome]:
                wide = 100 * many / total
                parts.append(
                    Part(outcome=outcome, name=name, many=many, start=round(start, 2), wide=round(wide, 2))
                )
                start += wide
        told.append((stage, parts, total))
    return told


def result_of(run: Run) -> str:
    """What came of a run, in a line."""
    found = run.info.results
    if isinstance(means := found.get("satisfaction"), Mapping):
        rows = cast("Mapping[str, object]", means)
        return "satisfaction: " + ", ".join(f"{a} {m:.2f}" for a, m in rows.items() if isinstance(m, int | float))
    if isinstance(found.get("strategies"), int):
        return f"{found['strategies']} strategies"
    return run.info.message
