"""One stage: candidates in, one batch of library changes out. Nothing is written in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TypeVar

from preceptor.core.errors import ModelError
from preceptor.core.events import ItemDone, ItemFailed, Kind, PhaseStarted
from preceptor.core.executor import Work
from preceptor.core.records import Lesson
from preceptor.learn.batch import batch, settle
from preceptor.learn.context import Candidate, Context, Snapshot
from preceptor.learn.sample import sample
from preceptor.learn.teach import PROBE, TEACH, Probe, Tutor
from preceptor.library.changes import Change

Source = Callable[[int, Snapshot], Awaitable[Sequence[Candidate]]]
"""Where a stage's candidates come from: simulated dialogues, or a log."""

Item = TypeVar("Item", Candidate, Probe)
Done = TypeVar("Done")
_KINDS: Mapping[str, Kind] = {PROBE: "scenario", TEACH: "lesson"}
"""What comes out of each phase."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """A stage in numbers."""

    stage: int
    candidates: int
    """Prefixes that a source offered."""
    duplicates: int
    """Of these, left out as near-duplicates or beyond what the budget looks at."""
    probed: int
    """Pairs of replies compared."""
    outcomes: Mapping[str, int]
    """Lessons by outcome."""
    beyond_budget: int
    """Scenarios with a gap that were not taught since wider gaps filled the budget."""
    failed: int
    """Scenarios lost to failures of models; each is an event with its reason."""
    attempts: int
    """Tries of the student after its first, over all lessons."""
    proposed: int
    merged: int
    general: int
    contradictions: int
    blocked: int
    """Strategies proposed with a blocking finding: kept for people to see, not used."""


async def run_stage(
    context: Context, stage: int, snapshot: Snapshot, source: Source, *, tainted: bool
) -> tuple[list[Change], StageReport]:
    """Everything a stage does, over the frozen ``snapshot``.

    Args:
        tainted: the candidates come from text that real customers wrote.
    """
    settings = context.settings
    if context.embedder is not None:
        # The whole snapshot's vectors, asked for away from the loop; the coaches of the stage find them remembered.
        await asyncio.to_thread(snapshot.coach, context)
    offered = await source(stage, snapshot)
    chosen = sample(
        offered,
        snapshot.scenarios.values(),
        limit=ceil(settings.scenarios * settings.candidates),
        likeness=settings.near_duplicate,
        seed=settings.seed + stage,
    )
    tutor = Tutor(context, snapshot.coach(context), stage)
    probes = await _each(context, PROBE, stage, chosen, Probing(stage=stage, snapshot=snapshot))
    good = [tutor.lesson(p, [p.first]) for p in probes if p.first.comparison.verdict != "worse"]
    for lesson in good:
        context.emit(ItemDone(kind="lesson", id=lesson.scenario.id, detail=lesson.outcome))
    gaps = sorted(
        (p for p in probes if p.first.comparison.verdict == "worse"),
        key=lambda p: (p.first.comparison.margin, p.scenario.id),
    )
    widest = gaps[: settings.scenarios]
    taught = await _each(context, TEACH, stage, widest, Teaching(stage=stage, snapshot=snapshot))
    lessons = [*good, *taught]
    fresh = [s for lesson in lessons for s in lesson.strategies]
    scenarios = {**snapshot.scenarios, **{lesson.scenario.id: lesson.scenario for lesson in lessons}}
    settled = await settle(
        context, stage, fresh, snapshot.strategies, scenarios=scenarios, helpful=snapshot.helpful
    )
    changes = batch(context, stage, lessons=lessons, settled=settled, tainted=tainted)
    consolidation = settled.consolidation
    report = StageReport(
        stage=stage,
        candidates=len(offered),
        duplicates=len(offered) - len(chosen),
        probed=len(probes),
        outcomes=dict(sorted(Counter(lesson.outcome for lesson in lessons).items())),
        beyond_budget=len(gaps) - len(widest),
        failed=len(chosen) - len(probes) + len(widest) - len(taught),
        attempts=sum(len(lesson.attempts) - 1 for lesson in lessons),
        proposed=len(fresh),
        merged=sum(len(m.of) for m in consolidation.merged),
        general=len(consolidation.general),
        contradictions=len(consolidation.contradictions),
        blocked=settled.blocked,
    )
    return changes, report


@dataclass(frozen=True, slots=True, kw_only=True)
class Probing:
    """What is done with each candidate of a stage: a :class:`~preceptor.core.executor.Work`."""

    stage: int
    snapshot: Snapshot

    def at(self, context: Context) -> Callable[[Candidate], Awaitable[Probe | None]]:
        """Both replies and their comparison; None where a model spoils it, which is told."""
        tutor = Tutor(context, self.snapshot.coach(context), self.stage)
        return _told(context, PROBE, tutor.probe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaching:
    """What is done with each probe of a stage that showed a gap: a :class:`~preceptor.core.executor.Work`."""

    stage: int
    snapshot: Snapshot

    def at(self, context: Context) -> Callable[[Probe], Awaitable[Lesson | None]]:
        """The lesson; None where a model spoils it, which is told."""
        tutor = Tutor(context, self.snapshot.coach(context), self.stage)
        return _told(context, TEACH, tutor.teach)


def _told(
    context: Context, phase: str, work: Callable[[Item], Awaitable[Done]]
) -> Callable[[Item], Awaitable[Done | None]]:
    """``work``, told as events; an item that a model spoils is left out."""

    kind = _KINDS[phase]

    async def one(item: Item) -> Done | None:
        try:
            done = await work(item)
        except ModelError as error:
            if error.ends_run:
                raise
            context.emit(ItemFailed(kind=kind, id=item.scenario.id, failure=error.kind, reason=str(error)))
            return None
        detail = done.outcome if isinstance(done, Lesson) else phase
        context.emit(ItemDone(kind=kind, id=item.scenario.id, detail=detail))
        return done

    return one


async def _each(
    context: Context, phase: str, stage: int, items: Sequence[Item], work: Work[Context, Item, Done | None]
) -> list[Done]:
    """``work`` on each; what was spoiled is left out."""
    context.emit(PhaseStarted(name=phase, stage=stage, total=len(items), kind=_KINDS[phase]))
    done = await context.executor.run(work, context, list(items), concurrency=context.concurrency)
    return [d for d in done if d is not None]
