"""What a stage or the primer puts into the library, screened and in a fixed order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from preceptor.core.records import Lesson, Scenario, Strategy
from preceptor.learn.consolidate import Consolidation
from preceptor.learn.context import Context
from preceptor.learn.review import review
from preceptor.library.changes import Change, Flag, Merge, Propose, Provenance, RecordLesson


async def batch(
    context: Context,
    stage: int,
    *,
    lessons: Sequence[Lesson] = (),
    primer: Sequence[Strategy] = (),
    consolidation: Consolidation,
    scenarios: Mapping[str, Scenario],
    tainted: bool,
) -> tuple[list[Change], int]:
    """Lessons, proposals, merges, general rules, contradictions; and how many proposals a finding blocks.

    Args:
        primer: strategies with no lesson behind them.
        scenarios: by id, those that strategies rest on.
        tainted: the scenarios come from text that real customers wrote.
    """
    learned: dict[str, tuple[Strategy, Lesson | None]] = {s.id: (s, le) for le in lessons for s in le.strategies}
    learned |= {s.id: (s, None) for s in primer}
    merged_away = {s.id for m in consolidation.merged for s in m.of}
    lasting = [s for s, _ in learned.values() if s.id not in merged_away]
    lasting += [m.into for m in consolidation.merged]
    lasting += consolidation.general
    findings = await review(context, stage, lasting, scenarios)

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
    blocked = sum(any(f.severity == "blocking" for f in fs) for fs in findings.values())
    return changes, blocked
