"""What a stage or the primer puts into the library, screened and in a fixed order."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from preceptor.core.events import PhaseStarted
from preceptor.core.pool import Pool
from preceptor.core.records import Finding, Lesson, Scenario, Strategy
from preceptor.learn.consolidate import Consolidation, consolidate
from preceptor.learn.context import Context
from preceptor.learn.review import PHASE, Review
from preceptor.library.changes import Change, Flag, Merge, Propose, Provenance, RecordLesson


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Fresh strategies, consolidated and screened."""

    consolidation: Consolidation
    findings: Mapping[str, tuple[Finding, ...]]
    """By id, of every strategy that lasts."""

    @property
    def blocked(self) -> int:
        """Strategies with a blocking finding."""
        return sum(any(f.severity == "blocking" for f in found) for found in self.findings.values())


async def settle(
    context: Context,
    stage: int,
    fresh: Sequence[Strategy],
    known: Sequence[Strategy] = (),
    *,
    scenarios: Mapping[str, Scenario],
    helpful: Collection[str] = (),
) -> Settled:
    """Consolidates ``fresh`` strategies (:func:`~preceptor.learn.consolidate.consolidate`), and screens what lasts.

    A strategy is screened as soon as nothing can merge it away: a long group of alike ones, one question after
    another, keeps nobody else waiting.
    """
    async with Pool(context.concurrency) as pool:
        review = Review(context, stage, scenarios, pool)
        consolidation = await consolidate(
            context, stage, fresh, known, helpful=helpful, pool=pool, lasts=review.begin
        )
        lasting = consolidation.lasting(fresh)
        context.emit(PhaseStarted(name=PHASE, stage=stage, total=len(lasting), kind="strategy"))
        review.begin(lasting)
    return Settled(consolidation=consolidation, findings=review.findings)


def batch(
    context: Context,
    stage: int,
    *,
    lessons: Sequence[Lesson] = (),
    primer: Sequence[Strategy] = (),
    settled: Settled,
    tainted: bool,
) -> list[Change]:
    """Lessons, proposals, merges, general rules, contradictions.

    Args:
        primer: strategies with no lesson behind them.
        tainted: the scenarios come from text that real customers wrote.
    """
    learned: dict[str, tuple[Strategy, Lesson | None]] = {s.id: (s, le) for le in lessons for s in le.strategies}
    learned |= {s.id: (s, None) for s in primer}
    consolidation, findings = settled.consolidation, settled.findings

    def proposed(strategy: Strategy, lesson: Lesson | None) -> Propose:
        seats = context.seats
        # What no scenario stands behind is the teacher's alone.
        asked = (seats.student, seats.teacher, seats.customer) if strategy.scenarios else (seats.teacher,)
        origin = Provenance(
            run=context.run,
            stage=stage,
            scenarios=strategy.scenarios,
            lessons=(lesson.id,) if lesson else (),
            attempt=lesson.kept if lesson else 0,
            prompts=tuple(sorted(context.prompts.hashes().items())),
            models=tuple((seat.name, seat.spec) for seat in asked),
            tainted=tainted,
        )
        return Propose(
            strategy=strategy,
            provenance=origin,
            findings=findings.get(strategy.id, ()),
            lesson_id=lesson.id if lesson else None,
        )

    changes: list[Change] = [RecordLesson(lesson=lesson, run=context.run, stage=stage) for lesson in lessons]
    changes += [proposed(strategy, lesson) for strategy, lesson in learned.values()]
    for m in consolidation.merged:
        changes.append(proposed(m.into, None))
        changes.append(Merge(into=m.into, of=tuple(s.id for s in m.of), reason=m.reason))
    changes += [proposed(strategy, None) for strategy in consolidation.general]
    for c in consolidation.contradictions:
        changes.append(Flag(strategy_ids=tuple(s.id for s in c.between), note=c.note))
    return changes
